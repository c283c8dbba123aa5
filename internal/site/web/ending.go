package web

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// Ending is the notice that a page closes. A script shows it a minute before the end and offers more time (WCAG 2.2.1).
// Without script the page shows the time of its end from the start.
type Ending struct {
	Until time.Time // when the page closes
	Path  string    // where "Keep going" is sent; "": no more time is given
	Token string    // form token of that form
	Here  string    // the page's own address, to come back to
}

// Line is the sentence that says when the page closes, as plain text.
func (e Ending) Line(w Words) string {
	key := "ending.last"
	if e.Path != "" {
		key = "ending.soon"
	}
	return w.S(key, "time", w.SecondsText(e.Until))
}

// Count is Line with {n} in the place of the seconds that are left. The script shows it and counts down; it is not read
// aloud.
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

// Back returns the page from which a form for more time was sent, from the form's field "back": path and query. A page
// that is not below the path below gives that path, so that nobody can be sent elsewhere. A page that is itself the
// answer to one of the named forms cannot be opened with GET; the result is then the page one level up.
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
