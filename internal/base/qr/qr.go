// Package qr draws QR codes (rsc.io/qr) that a phone's camera reads from any page: error level M, a quiet
// zone of four modules, and always black on white, also where a page is dark.
package qr

import (
	"fmt"
	"html"
	"html/template"
	"strings"

	"rsc.io/qr"
)

// quiet is the width of the empty border in modules (ISO/IEC 18004).
const quiet = 4

// SVG draws text as a QR code in one SVG element of one path, to stand inline in a page. A screen reader says
// label instead of the picture. A text longer than a code of level M holds (2,331 bytes) is an error.
func SVG(text, label string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", fmt.Errorf("qr: %w", err)
	}
	size := code.Size + 2*quiet
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="qr" role="img" aria-label="%s" viewBox="0 0 %d %d" width="%d" height="%d" shape-rendering="crispEdges">`,
		html.EscapeString(label), size, size, size*5, size*5)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="`, size, size)
	for y := range code.Size {
		drawRow(&b, code, y)
	}
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String()), nil // only digits and an escaped label went in
}

// drawRow adds one rectangle for each run of black modules.
func drawRow(b *strings.Builder, code *qr.Code, y int) {
	for x := 0; x < code.Size; x++ {
		if !code.Black(x, y) {
			continue
		}
		start := x
		for x < code.Size && code.Black(x, y) {
			x++
		}
		fmt.Fprintf(b, "M%d %dh%dv1h-%dz", start+quiet, y+quiet, x-start, x-start)
	}
}

// PNG draws text as a QR code of scale pixels per module, for programs that show it on pages of their own.
func PNG(text string, scale int) ([]byte, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("qr: %w", err)
	}
	code.Scale = scale
	return code.PNG(), nil
}
