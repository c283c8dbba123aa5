package signin

import (
	"encoding/json"

	"github.com/mileusna/useragent"

	"countersign/internal/base/message"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/transaction"
)

// alertPayload is the text a phone shows when it is woken. It is valid both for our service worker and
// as a declarative notification ("web_push": 8030), which iOS shows even when the worker fails (ux 4.1).
func (f *Flow) alertPayload(t transaction.Transaction) ([]byte, error) {
	c := message.English()
	return json.Marshal(phonewire.NewAlert(c.Text("alert.request.title", "application", t.Application),
		c.Text("alert.request.body", "user", t.Username), f.PublicURL, "/app/#/r/"+t.ID, t.PhoneID, t.ID))
}

// describeClient says in words which browser asks, for the phone and the log: "Firefox on Windows".
func describeClient(agent string) string {
	ua := useragent.Parse(agent)
	switch {
	case ua.Name == "" || len(ua.Name) > 40:
		return ""
	case ua.OS == "" || len(ua.OS) > 40:
		return ua.Name
	}
	return message.English().Text("client.browser_on_system", "browser", ua.Name, "system", ua.OS)
}
