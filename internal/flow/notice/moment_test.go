package notice_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/flow/notice"
)

// PAGE-4: a day, a clock time and its zone, so that nobody has to guess.
func TestTimesInMailsAreOfTheOrganizationsZone(t *testing.T) {
	for zone, want := range map[string]string{
		"UTC":                 "Sunday 1 March 2026 at 09:00 UTC",
		"America/New_York":    "Sunday 1 March 2026 at 04:00 (EST, UTC-5)",
		"Asia/Kolkata":        "Sunday 1 March 2026 at 14:30 (IST, UTC+5:30)",
		"America/Sao_Paulo":   "Sunday 1 March 2026 at 06:00 (UTC-3)",
		"Pacific/Marquesas":   "Saturday 28 February 2026 at 23:30 (UTC-9:30)",
		"Antarctica/Troll":    "Sunday 1 March 2026 at 09:00 (UTC+0)",
		"Australia/Melbourne": "Sunday 1 March 2026 at 20:00 (AEDT, UTC+11)",
	} {
		place, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		o := newOffice(t, func(n *notice.Needs) { n.Zone = place })
		o.queue(t, added("ana@example.edu"))
		o.deliver(t)
		if text := o.sent[0].Text; !strings.Contains(text, "It was added on "+want+".") {
			t.Errorf("%s: %s", zone, text)
		}
	}
}

// A code or a link without an end, and a request from nowhere, leave no hole in a sentence.
func TestAMailDoesNotSpeakOfWhatThereIsNot(t *testing.T) {
	o := newOffice(t)
	o.queue(t, notice.Message{Kind: notice.BypassCreated, To: "ana@example.edu", Args: []any{"username", "ana", "expires", time.Time{}}})
	o.queue(t, notice.Message{Kind: notice.Enrollment, To: "ana@example.edu", Link: "https://sign.example.edu/x", Args: []any{"username", "ana"}})
	o.queue(t, notice.Message{Kind: notice.FraudReported, To: "it@example.edu", Args: []any{"username", "ana", "application", "Payroll", "ip", ""}})
	o.queue(t, notice.Message{Kind: notice.ChangeReported, To: "it@example.edu", Args: []any{"username", "ana", "device", "Mallory's phone"}})
	o.deliver(t)
	for _, l := range o.sent {
		if strings.Contains(l.Text, "until .") || strings.Contains(l.Text, "from  ") || strings.Contains(l.Text, "⟦") {
			t.Errorf("%s:\n%s", l.Subject, l.Text)
		}
	}
	if len(o.sent) != 4 {
		t.Errorf("%d mails", len(o.sent))
	}
}
