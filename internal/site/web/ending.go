package web

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// Ending tells people that a page closes, a minute before it does, and offers more time (WCAG 2.2.1). Without a
// script the hour stands on the page from the start.
type Ending struct {
	Until time.Time // when the page closes
	Path  string    // where "Keep going" is sent; empty = there is no more time to give
	Token string    // its form token
	Here  string    // the page's own address, to come back to
}

// Line says when the page closes.
func (e Ending) Line(w Words) string {
	key := "ending.last"
	if e.Path != "" {
		key = "ending.soon"
	}
	return w.S(key, "time", w.SecondsText(e.Until))
}

// Count is Line with the seconds that are left, for the eye: {n} stands in their place.
func (e Ending) Count(w Words) string {
	key := "ending.count.last"
	if e.Path != "" {
		key = "ending.count.soon"
	}
	return w.S(key, "time", w.SecondsText(e.Until))
}

// Given is the answer to a script that asked for more time.
type Given struct {
	Left  int    `json:"left"` // whole seconds
	More  bool   `json:"more"` // more may be asked for again
	Line  string `json:"line"`
	Count string `json:"count"` // the line with the seconds left, {n}
	Said  string `json:"said"`  // for those who hear the page
}

// Answer tells a script how much time there is now; a form without one goes on to the page back.
func (e Ending) Answer(w http.ResponseWriter, r *http.Request, words Words, back string) error {
	if r.Header.Get("X-Requested-With") != "countersign" {
		return Move(w, r, back)
	}
	return JSON(w, Given{Left: words.Left(e.Until), More: e.Path != "", Line: e.Line(words), Count: e.Count(words), Said: words.S("ending.kept", "time", words.ClockText(e.Until))})
}

// Back is the page that such a form was sent from, with its query, when it lies below a path; else that path. A page that was itself the answer to one of the named forms cannot be opened again: the one it stands below can.
func Back(r *http.Request, below string, forms ...string) string {
	from, err := url.Parse(r.PostFormValue("back"))
	if err != nil || from.Host != "" || from.Scheme != "" || !strings.HasPrefix(from.Path, below+"/") {
		return below
	}
	to := url.URL{Path: path.Clean(from.Path), RawQuery: from.RawQuery}
	if slices.Contains(forms, path.Base(to.Path)) {
		to.Path = path.Dir(to.Path)
	}
	if to.Path != below && !strings.HasPrefix(to.Path, below+"/") {
		return below
	}
	return to.String()
}
