package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnAddressOrMethodThatIsNotThereGetsAPageThatSaysSo(t *testing.T) {
	pages, _ := site(t)
	mux := pages.Mux()
	for _, method := range []string{"GET", "POST"} {
		mux.Add(Route{Method: method, Pattern: "/here/{id}", Name: "a page"}, func(w http.ResponseWriter, r *http.Request) error {
			return Move(w, r, "/there/"+r.PathValue("id"))
		})
	}
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/here/1", 303, ""},
		{"POST", "/here/1", 303, ""},
		{"DELETE", "/here/1", 405, "GET, HEAD, POST"},
		{"GET", "/here/1/2", 404, ""},
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q", c.method, c.path, w.Code, w.Header().Get("Allow"))
		}
		if w.Code >= 400 && !strings.Contains(w.Body.String(), "<h1") {
			t.Errorf("%s %s has no message page: %s", c.method, c.path, w.Body)
		}
	}
	if len(mux.Routes()) != 2 {
		t.Errorf("routes: %v", mux.Routes())
	}
}
