package unix

import (
	"errors"
	"fmt"
	"log/slog"

	"countersign/internal/api"
	"countersign/internal/base/message"
	"countersign/internal/domain/user"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
)

// result is a final answer. The protocol knows no more than the two results.
type result struct {
	allow bool
	text  string
}

func resultOf(s api.Status) result { return result{s.Result == api.ResultAllow, s.Text} }

func (r result) document() document {
	word := api.ResultDeny
	if r.allow {
		word = api.ResultAllow
	}
	return document{{"result", word}, {"status", api.Terminal(r.text)}}
}

func words() *message.Catalogue { return message.English() }

// gate asks the flow about the person of a call. A name that can be nobody's is denied like any other: what a
// stranger typed is no reason for an error (AC-019).
func (d *Door) gate(c call, proving bool) (signin.Request, signin.Gate, error) {
	r, err := c.person()
	if err != nil {
		return r, signin.Gate{}, err
	}
	r.Proving = proving
	g, err := d.SignIn.Preauth(c.ctx, r)
	if errors.Is(err, user.ErrNameInvalid) {
		return r, signin.Gate{Application: c.application, Outcome: signin.OutcomeDeny}, nil
	}
	return r, g, err
}

func (d *Door) preauth(c call) (any, error) {
	d.log().Info("legacy preauth", "application", c.application.ID, slog.String("failmode", clip(c.params["failmode"], 16)),
		slog.String("host", clip(c.params["hostname"], 255)))
	d.Hosts.Hear(c.application, c.params["hostname"], c.params["failmode"])
	_, g, err := d.gate(c, false)
	if err != nil {
		return nil, err
	}
	switch g.Outcome {
	case signin.OutcomeChallenge:
		return challenge(api.MenuFor(words(), g, "")), nil
	case signin.OutcomeEnroll:
		return d.enroll(c, g)
	}
	return resultOf(api.StatusOfGate(words(), g)).document(), nil
}

// challenge keeps the menu's order for people who read the JSON.
func challenge(m api.Menu) document {
	factors := document{}
	if first, ok := m.Factors["default"]; ok {
		factors = append(factors, field{"default", first})
	}
	for n := 1; m.Factors[fmt.Sprint(n)] != ""; n++ {
		factors = append(factors, field{fmt.Sprint(n), m.Factors[fmt.Sprint(n)]})
	}
	return document{{"result", "auth"}, {"status", words().Text("api.auth")}, {"prompt", api.Terminal(m.Text)}, {"factors", factors}}
}

// enroll answers with the address where the person sets up a first device (C-04). Without one the person is
// denied all the same.
func (d *Door) enroll(c call, g signin.Gate) (any, error) {
	address, err := d.Enroll.Portal(c.ctx, c.application, g.User.ID, g.Username)
	if errors.Is(err, enroll.ErrIssueNone) {
		return resultOf(api.StatusOfGate(words(), g)).document(), nil
	}
	if err != nil {
		return nil, err
	}
	return document{{"result", "enroll"}, {"status", api.Terminal(words().Text("api.enroll", "url", address))}}, nil
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
