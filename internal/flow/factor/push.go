package factor

import (
	"context"
	"encoding/json"
	"time"

	"countersign/internal/base/message"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
)

// push is a request that the app on a phone answers, signed with its own key.
var push = &Factor{
	Name: policy.MethodPush, Prefix: "push",
	Log: audit.FactorPush, LogNumber: audit.FactorVerifiedPush,
	Remembers: true,
	Lives:     ofPhone(phone.Phone.Connected),
	Devices:   onPhones(phone.Phone.Connected),
	Request:   pushRequest{},
	Menu:      "api.menu.push",
	Page:      Page{Icon: "phone", Row: "ways.push", Hint: "ways.push.hint", Frame: "frame.push"},
}

type pushRequest struct{}

// Ready implements Request.
func (pushRequest) Ready(p phone.Phone) bool { return p.Connected() }

// Awake implements Request.
func (pushRequest) Awake(p phone.Phone) bool { return p.Alerts == phone.AlertsOn }

// Digits implements Request (RULE-14).
func (pushRequest) Digits(p policy.Policy) int { return max(0, p.NumberEntry) }

// Wake implements Request by a Web Push alert. Its payload holds no secret and no number: it only says that something
// waits, and the request waits in the app either way.
func (pushRequest) Wake(ctx context.Context, t Tools, p phone.Phone, r transaction.Transaction) (tried bool, err error) {
	payload, err := alert(r, t.PublicURL)
	if err != nil {
		return false, nil
	}
	return t.knock(ctx, p, payload, r.Expires.Sub(t.Now()))
}

// knock shows an alert on a phone. tried is false when none could be sent.
func (t Tools) knock(ctx context.Context, p phone.Phone, payload []byte, life time.Duration) (tried bool, err error) {
	if t.Doorbell == nil || p.Subscription == nil {
		return false, nil
	}
	plain, err := t.Keys.Open(phone.SubscriptionPurpose, p.ID, p.Subscription)
	if err != nil {
		t.Log.Error("push subscription does not open", "phone", p.ID)
		return false, nil
	}
	var s phone.Subscription
	if json.Unmarshal(plain, &s) != nil {
		return false, nil
	}
	return true, t.Doorbell.Knock(ctx, s, payload, life)
}

// AlertOfGuesses tells a phone that many wrong codes were typed for its owner (RULE-43). One that it does not reach changes
// nothing.
func AlertOfGuesses(ctx context.Context, t Tools, p phone.Phone, username string) error {
	c := message.English()
	payload, err := json.Marshal(phonewire.NewAlert(c.Text("alert.codes.title"), c.Text("alert.codes.body", "user", username),
		t.PublicURL, "/app/", p.ID, "codes-"+p.ID))
	if err == nil {
		_, err = t.knock(ctx, p, payload, 24*time.Hour)
	}
	return err
}

// alert is the text a phone shows when it is woken. It is valid both for our service worker and as a declarative
// notification ("web_push": 8030), which iOS shows even when the worker fails (PAGE-2).
func alert(t transaction.Transaction, publicURL string) ([]byte, error) {
	c, title, body := message.English(), "alert.request.title", "alert.request.body"
	if t.Purpose == transaction.Pairing && t.ApplicationID == application.PortalID { // nobody signs in to anything
		title, body = "alert.tryout.title", "alert.tryout.body"
	}
	return json.Marshal(phonewire.NewAlert(c.Text(title, "application", t.Application),
		c.Text(body, "user", t.Username), publicURL, "/app/#/r/"+t.ID, t.PhoneID, t.ID))
}
