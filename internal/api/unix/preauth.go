package unix

import (
	"context"
	"fmt"
	"log/slog"

	"countersign/internal/api/attempt"
	"countersign/internal/api/menu"
	"countersign/internal/base/message"
	"countersign/internal/flow/signin"
)

// decision is a final answer. The protocol knows no more than the two results.
func decision(s attempt.Status) document {
	word := attempt.ResultDeny
	if s.Result == attempt.ResultAllow {
		word = attempt.ResultAllow
	}
	return document{{"result", word}, {"status", menu.Terminal(s.Text)}}
}

func words() *message.Catalogue { return message.English() }

// preauth asks the gates. A name that can be nobody's is denied like any other: what a stranger typed is no reason for an
// error (AC-019). Who has no way in reads the address where a first device is set up (C-04), or is denied.
func (d *Door) preauth(ctx context.Context, c call) (any, error) {
	d.Logger().Info("legacy preauth", "application", c.Application.ID, slog.String("failmode", clip(c.params["failmode"], 16)),
		slog.String("host", clip(c.params["hostname"], 255)))
	d.Hosts.Hear(c.Application, c.params["hostname"], c.params["failmode"])
	r, err := c.request()
	if err != nil {
		return nil, err
	}
	s, err := d.Preauth(ctx, words(), r)
	switch {
	case err != nil:
		return nil, err
	case s.Outcome == signin.OutcomeChallenge:
		return challenge(attempt.MenuFor(words(), s.Gate, "")), nil
	case s.Link != "":
		return document{{"result", "enroll"}, {"status", menu.Terminal(words().Text("api.enroll", "url", s.Link))}}, nil
	}
	return decision(s.Status), nil
}

// deny is the "no" of a call that says a result at once.
func (d *Door) deny(call) (any, error) { return decision(attempt.StatusOfOutage(words())), nil }

// challenge keeps the menu's order for people who read the JSON.
func challenge(m menu.Menu) document {
	factors := document{}
	if first, ok := m.Factors["default"]; ok {
		factors = append(factors, field{"default", first})
	}
	for n := 1; m.Factors[fmt.Sprint(n)] != ""; n++ {
		factors = append(factors, field{fmt.Sprint(n), m.Factors[fmt.Sprint(n)]})
	}
	return document{{"result", "auth"}, {"status", words().Text("api.auth")}, {"prompt", menu.Terminal(m.Text)}, {"factors", factors}}
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
