package auth

import (
	"context"
	"errors"
	"slices"

	"countersign/internal/api"
	"countersign/internal/base/secret"
	"countersign/internal/domain/policy"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
)

// preauthAnswer says whether and how a person may prove to be one.
type preauthAnswer struct {
	Result    string   `json:"result"` // allow, auth, deny, enroll
	Message   string   `json:"status_msg"`
	Devices   []device `json:"devices,omitzero"` // of result auth
	PortalURL string   `json:"enroll_portal_url,omitempty"`
	TxID      string   `json:"txid,omitempty"`              // verified push: to be sent back in auth
	Number    string   `json:"verification_code,omitempty"` // to be shown; the phone asks for it
	Prompt    *prompt  `json:"prompt,omitempty"`            // for terminals
}

type device struct {
	ID           string   `json:"device"`
	Type         string   `json:"type"`
	Number       string   `json:"number"`
	Name         string   `json:"name"`
	DisplayName  string   `json:"display_name"`
	Capabilities []string `json:"capabilities"`
}

type prompt struct {
	Text    string            `json:"text"`
	Factors map[string]string `json:"factors,omitzero"` // nil when there is nothing to choose; empty when only a code is left: clients look for it then too
}

// preauth asks the gates. Everybody the gates let prove something gets "auth", also with nothing but a bypass
// code. A trusted_device_token that is still good answers for the proof; failmode changes nothing: no caller is told
// more because it fails open, which is noted of its host.
func (d *Door) preauth(ctx context.Context, c call) (any, error) {
	r, err := c.request()
	if err != nil {
		return nil, err
	}
	r.Remembered = secret.NewText(c.params.Get("trusted_device_token"))
	d.Hosts.Hear(c.app, c.params.Get("hostname"), c.params.Get("failmode"))
	g, err := d.SignIn.Preauth(ctx, r)
	if err != nil {
		return nil, unknown(err)
	}
	switch g.Outcome {
	case signin.OutcomeEnroll:
		return d.preauthEnroll(ctx, c, g)
	case signin.OutcomeChallenge:
		return d.preauthAuth(c, g)
	}
	s := api.StatusOfGate(c.words, g)
	return preauthAnswer{Result: s.Result, Message: s.Text}, nil
}

func (d *Door) preauthEnroll(ctx context.Context, c call, g signin.Gate) (any, error) {
	link, err := d.Enroll.Portal(ctx, c.app, g.User.ID, g.Username)
	if errors.Is(err, enroll.ErrIssueNone) {
		return preauthAnswer{Result: api.ResultDeny, Message: c.words.Text("api.enroll.first")}, nil
	}
	if err != nil {
		return nil, unknown(err)
	}
	a := preauthAnswer{Result: "enroll", Message: c.words.Text("api.enroll", "url", link), PortalURL: link}
	if flag(c.params, "text_prompt") {
		a.Prompt = &prompt{Text: a.Message}
	}
	return a, nil
}

func (d *Door) preauthAuth(c call, g signin.Gate) (any, error) {
	a := preauthAnswer{Result: "auth", Message: c.words.Text("api.auth")}
	if flag(c.params, "client_supports_verified_push") && g.Numbers() > 0 && len(api.PushWays(g, true)) > 0 {
		var err error
		if a.TxID, a.Number, err = d.tickets().ForNumber(g.Numbers(), whose(g)); err != nil {
			return nil, err
		}
	}
	a.Devices = devices(g, a.Number != "")
	if flag(c.params, "text_prompt") {
		m := api.MenuFor(c.words, g, a.Number)
		a.Prompt = &prompt{Text: m.Text, Factors: m.Factors}
	}
	return a, nil
}

// whose is for whom a ticket with digits is good.
func whose(g signin.Gate) string { return g.Application.ID + "/" + g.User.ID }

// devices lists the phones that can prove something now, the one a request goes to by itself first.
func devices(g signin.Gate, numbered bool) []device {
	list := []device{}
	for _, p := range g.Phones {
		one := device{ID: p.ID, Type: "phone", Number: masked(p.Number), Name: p.Name, DisplayName: p.Name}
		if one.Number != "" {
			one.DisplayName += " (" + one.Number + ")"
		}
		if slices.ContainsFunc(api.PushWays(g, numbered), func(w signin.Way) bool { return w.PhoneID == p.ID }) {
			one.Capabilities = append(one.Capabilities, "auto", api.FactorPush)
		}
		if slices.ContainsFunc(g.Ways, func(w signin.Way) bool { return w.PhoneID == p.ID && w.Method == policy.MethodPasscode }) {
			one.Capabilities = append(one.Capabilities, "mobile_otp")
		}
		if one.Capabilities != nil {
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b device) int {
		switch g.User.DefaultPhone {
		case a.ID:
			return -1
		case b.ID:
			return 1
		}
		return 0
	})
	return list
}

// masked shows the last four digits of a number.
func masked(number string) string {
	if len(number) < 4 {
		return ""
	}
	return "XXX-XXX-" + number[len(number)-4:]
}
