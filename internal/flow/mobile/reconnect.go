package mobile

import (
	"net/url"

	"countersign/internal/domain/application"
)

// reconnect is where a phone sends its person when its key is dead (E-14): to the application in which it was set up,
// whose prompt offers "I have a new phone" after the password. "" when that application lets nobody do so, or has no
// address of its own; the app then says in words what to do.
func reconnect(a application.Application) string {
	if !a.SelfService || len(a.RedirectURIs) == 0 {
		return ""
	}
	u, err := url.Parse(a.RedirectURIs[0])
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/"
}
