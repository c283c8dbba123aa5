package application

import (
	"strings"
	"time"
)

// FailMode is what a host does when it cannot ask, as its client tells at each sign-in (parameter failmode).
type FailMode string

const (
	FailsOpen   FailMode = "open"   // lets its people in: failmode = safe
	FailsClosed FailMode = "closed" // lets nobody in: failmode = secure
)

// Host is a machine that signs its people in to an application, as far as it tells: the client sends its own name
// (FAIL-6). Nothing is decided by it.
type Host struct {
	ApplicationID string
	Name          string // lower case, of CleanHost; "" = it tells no name
	FailMode      FailMode
	Seen          time.Time // when it was last noted: once a day is enough
}

// MaxHosts is how many hosts of one application are remembered; the ones not seen for longest go.
const MaxHosts = 1000

// maxHostName is the longest name of the DNS.
const maxHostName = 253

// CleanHost makes a name of what a client sent: lower case, at most 253 of a-z, 0-9 and "-._:"; all else is "?".
func CleanHost(sent string) string {
	sent = strings.TrimSuffix(strings.TrimSpace(sent), ".")
	var b strings.Builder
	for _, r := range sent {
		if b.Len() == maxHostName {
			break
		}
		switch {
		case r >= 'A' && r <= 'Z':
			r += 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', strings.ContainsRune("-._:", r):
		default:
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}
