package server

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A request line may hold an address of any form. Those who are sent on to the public address arrive there
// whatever it says (AC-044, AC-049).
func TestWhoeverIsSentOnArrivesAtThePublicAddress(t *testing.T) {
	const public = "https://mfa.example.edu"
	h := newHostNames(public, nil, []string{"127.0.0.1:80"})
	handlers := map[string]http.Handler{"from plain http": redirector(public), "from another name": h.guard(http.NotFoundHandler())}
	for line, want := range map[string]string{
		"/my?a=b":             public + "/my?a=b",
		"//evil.example/x":    public + "//evil.example/x",
		"http://127.0.0.1:80": public + "/",
		"x:@evil.example/":    public + "/",
		"x:.evil.example/":    public + "/",
	} {
		for name, handler := range handlers {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + line + " HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n")))
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if got := w.Header().Get("Location"); got != want {
				t.Errorf("%s: GET %s goes to %q, want %q", name, line, got, want)
			}
		}
	}
}

// Some clients write no port into Host, whatever they were told (WIRE-3). What they are answered has the
// port all the same, and other names stay strange (AC-044).
func TestAnAPIHostAnswersToItsNameWithAndWithoutThePort(t *testing.T) {
	const known = "api.example.edu:8443"
	h := newHostNames("https://mfa.example.edu:9443", []string{known, "api.example.edu:8444"}, nil)
	seen := h.guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Seen", r.Host) }))
	for name, want := range map[string]string{
		known: known, "api.example.edu": known, "API.example.edu": known, "api.example.edu:8444": "api.example.edu:8444", "mfa.example.edu:9443": "mfa.example.edu:9443",
		"api.example.edu:443": "", "mfa.example.edu": "", "evil.example": "", "": "",
	} {
		r := httptest.NewRequest("GET", "/auth/v2/ping", nil)
		r.Host = name
		w := httptest.NewRecorder()
		seen.ServeHTTP(w, r)
		if w.Header().Get("Seen") != want || (want == "") != (w.Code == http.StatusMisdirectedRequest) {
			t.Errorf("Host %q: %d, seen as %q, want %q", name, w.Code, w.Header().Get("Seen"), want)
		}
	}
}
