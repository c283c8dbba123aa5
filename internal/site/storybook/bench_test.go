package storybook

import (
	"testing"

	"countersign/internal/site/web"
)

// BenchmarkPages renders every page of the storybook once.
func BenchmarkPages(b *testing.B) {
	pages, _, err := Renderer()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range Stories() {
			if _, err := pages.Render(web.Words{Now: Now}, s.Page); err != nil {
				b.Fatal(err)
			}
		}
	}
}
