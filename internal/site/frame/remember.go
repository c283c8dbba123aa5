package frame

import (
	"crypto/sha256"
	"encoding/hex"
)

// RememberCookie is the base name of the cookie of a browser remembered for an application whose pages at an origin frame
// its prompt. Browsers keep it for the whole site around the frame; the name keeps the site's other origins apart.
func RememberCookie(applicationID, origin string) string {
	of := sha256.Sum256([]byte(origin))
	return "remember-frame-" + applicationID + "-" + hex.EncodeToString(of[:6])
}
