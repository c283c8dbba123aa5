package web

import (
	"net/http"
	"time"
)

// Cookies writes and reads cookies of one page origin. Over https they have the __Host- prefix and Secure. Over plain
// http, which only the demo at http://localhost uses (RULE-41), they have neither, because browsers would drop them.
// All are HttpOnly and SameSite=Lax unless a method says otherwise.
type Cookies struct {
	Plain bool // the page origin is http
}

// Name returns the name of a cookie on the wire for a base name such as "prompt".
func (c Cookies) Name(base string) string {
	if c.Plain {
		return "countersign-" + base
	}
	return "__Host-" + base
}

// Set stores value for maxAge. With 0 the browser keeps it until it closes.
func (c Cookies) Set(w http.ResponseWriter, base, value string, maxAge time.Duration) {
	http.SetCookie(w, c.cookie(base, value, int(maxAge/time.Second)))
}

// SetFramed is Set for a page that another site shows in a frame (a partitioned cookie). The browser keeps one for each
// such site and sends it within that site only, even if it blocks third-party cookies. The cookie is always Secure; most
// browsers accept it from http://localhost too.
func (c Cookies) SetFramed(w http.ResponseWriter, base, value string, maxAge time.Duration) {
	k := c.cookie(base, value, int(maxAge/time.Second))
	k.SameSite, k.Secure, k.Partitioned = http.SameSiteNoneMode, true, true
	http.SetCookie(w, k)
}

// Clear removes the cookie.
func (c Cookies) Clear(w http.ResponseWriter, base string) { http.SetCookie(w, c.cookie(base, "", -1)) }

// Get returns the value of a cookie, "" when there is none.
func (c Cookies) Get(r *http.Request, base string) string {
	k, err := r.Cookie(c.Name(base))
	if err != nil {
		return ""
	}
	return k.Value
}

func (c Cookies) cookie(base, value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: c.Name(base), Value: value, Path: "/", MaxAge: maxAge,
		Secure: !c.Plain, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}
