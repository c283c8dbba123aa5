package signin

import (
	"encoding/json"
	"strings"

	"github.com/mileusna/useragent"

	"countersign/internal/base/message"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/transaction"
)

// alertPayload is the text a phone shows when it is woken. It is valid both for our service worker and
// as a declarative notification ("web_push": 8030), which iOS shows even when the worker fails (ux 4.1).
func (f *Flow) alertPayload(t transaction.Transaction) ([]byte, error) {
	c, title, body := message.English(), "alert.request.title", "alert.request.body"
	if t.Purpose == transaction.Pairing && t.ApplicationID == application.PortalID { // nobody signs in to anything
		title, body = "alert.tryout.title", "alert.tryout.body"
	}
	return json.Marshal(phonewire.NewAlert(c.Text(title, "application", t.Application),
		c.Text(body, "user", t.Username), f.PublicURL, "/app/#/r/"+t.ID, t.PhoneID, t.ID))
}

// describeClient says in words which browser asks, for the phone and the log: "Firefox on Windows". The text is
// the asking side's own and stands among facts on the phone, so what is more than a name is left out.
func describeClient(agent string) string {
	ua := useragent.Parse(agent)
	switch {
	case !namely(ua.Name):
		return ""
	case !namely(ua.OS):
		return ua.Name
	}
	return message.English().Text("client.browser_on_system", "browser", ua.Name, "system", ua.OS)
}

// namely reports one or two words of at most 20 letters, digits and the marks that programs' names hold:
// "Samsung Browser", "python-requests".
func namely(s string) bool {
	const marks = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+- "
	return s != "" && len(s) <= 20 && strings.Count(s, " ") <= 1 && strings.Trim(s, marks) == ""
}
