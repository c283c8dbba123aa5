package auth

import (
	"context"
	"slices"

	"countersign/internal/api/attempt"
	"countersign/internal/api/menu"
	"countersign/internal/base/secret"
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
// code. A trusted_device_token that is still good answers for the proof; failmode changes nothing: no caller learns
// more because it fails open, which is noted of its host.
func (d *Door) preauth(ctx context.Context, c call) (any, error) {
	r, err := c.request()
	if err != nil {
		return nil, err
	}
	r.Remembered = secret.NewText(c.Params.Get("trusted_device_token"))
	d.Hosts.Hear(c.Application, c.Params.Get("hostname"), c.Params.Get("failmode"))
	s, err := d.Preauth(ctx, c.words, r)
	switch {
	case err != nil:
		return nil, err
	case s.Outcome == signin.OutcomeChallenge:
		return d.preauthAuth(c, s.Gate)
	case s.Link != "":
		return c.preauthEnroll(s.Link), nil
	}
	return preauthAnswer{Result: s.Status.Result, Message: s.Status.Text}, nil
}

func (d *Door) denyPreauth(c call) (any, error) {
	s := attempt.StatusOfOutage(c.words)
	return preauthAnswer{Result: s.Result, Message: s.Text}, nil
}

func (c call) preauthEnroll(link string) preauthAnswer {
	a := preauthAnswer{Result: "enroll", Message: c.words.Text("api.enroll", "url", link), PortalURL: link}
	if flag(c.Params, "text_prompt") {
		a.Prompt = &prompt{Text: a.Message}
	}
	return a
}

func (d *Door) preauthAuth(c call, g signin.Gate) (any, error) {
	a := preauthAnswer{Result: "auth", Message: c.words.Text("api.auth")}
	if flag(c.Params, "client_supports_verified_push") && g.Numbers() > 0 && len(attempt.PushWays(g, true)) > 0 {
		var err error
		if a.TxID, a.Number, err = d.Digits(g); err != nil {
			return nil, err
		}
	}
	a.Devices = devices(g, a.Number != "")
	if flag(c.Params, "text_prompt") {
		m := attempt.MenuFor(c.words, g, a.Number)
		a.Prompt = &prompt{Text: m.Text, Factors: m.Factors}
	}
	return a, nil
}

// devices lists the phones that can prove something now, the one a request goes to by itself first.
func devices(g signin.Gate, numbered bool) []device {
	list := []device{}
	for _, p := range g.Phones {
		one := device{ID: p.ID, Type: "phone", Number: masked(p.Number), Name: p.Name, DisplayName: p.Name}
		if one.Number != "" {
			one.DisplayName += " (" + one.Number + ")"
		}
		if slices.ContainsFunc(attempt.PushWays(g, numbered), func(w signin.Way) bool { return w.PhoneID == p.ID }) {
			one.Capabilities = append(one.Capabilities, "auto", menu.Push)
		}
		if slices.ContainsFunc(g.Ways, func(w signin.Way) bool { return w.PhoneID == p.ID && w.Factor().Takes() }) {
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
