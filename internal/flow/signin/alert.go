package signin

import (
	"encoding/json"

	"github.com/mileusna/useragent"

	"countersign/internal/base/message"
	"countersign/internal/domain/transaction"
)

// AlertPayload is the text a phone shows when it is woken. It is valid both for our service worker and
// as a declarative notification ("web_push": 8030), which iOS shows even when the worker fails (ux 4.1).
func AlertPayload(t transaction.Transaction) ([]byte, error) {
	c := message.English()
	title := c.Text("alert.request.title", "application", t.Application)
	body := c.Text("alert.request.body", "user", t.Username)
	return json.Marshal(map[string]any{
		"web_push": 8030,
		"notification": map[string]any{
			"title": title, "body": body, "navigate": "/app/", "tag": t.ID,
		},
		"title": title, "body": body, "url": "/app/", "account": t.PhoneID,
	})
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
