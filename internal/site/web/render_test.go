package web

import (
	"sync"
	"testing"

	"countersign/internal/base/errs"
)

// Somebody who asks for very many pages at once makes the program escape its templates no more often than there are
// processors: doing so for each took all of them for minutes.
func TestVeryManyPagesAtOnceMakeFewCopiesOfTheTemplates(t *testing.T) {
	s, _ := site(t)
	words := Words{Now: now}
	var all sync.WaitGroup
	for range 2000 {
		all.Go(func() {
			if _, err := s.Pages.Render(words, Message{Err: errs.New(errs.Gone, "login.stale"), Reference: "Q7KX-44M8"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if sets := s.Pages.setsOf(words.catalogue()); int(sets.made.Load()) != len(sets.free) || len(sets.free) > cap(sets.free) {
		t.Errorf("%d copies were made, %d are there", sets.made.Load(), len(sets.free))
	}
}
