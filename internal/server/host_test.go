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
	h := newHosts(public, nil, []string{"127.0.0.1:80"})
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

// Some clients write no port into Host, whatever they were told (protocols 0.5, 9.1). Other names stay strange (AC-044).
func TestAnAPIHostAnswersToItsNameWithAndWithoutThePort(t *testing.T) {
	h := newHosts("https://mfa.example.edu:9443", []string{"api.example.edu:8443"}, nil).guard(http.NotFoundHandler())
	for name, want := range map[string]int{
		"api.example.edu:8443": http.StatusNotFound, "api.example.edu": http.StatusNotFound, "API.example.edu": http.StatusNotFound, "mfa.example.edu:9443": http.StatusNotFound,
		"api.example.edu:8444": http.StatusMisdirectedRequest, "mfa.example.edu": http.StatusMisdirectedRequest, "evil.example": http.StatusMisdirectedRequest, "": http.StatusMisdirectedRequest,
	} {
		r := httptest.NewRequest("GET", "/auth/v2/ping", nil)
		r.Host = name
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: %d, want %d", name, w.Code, want)
		}
	}
}
