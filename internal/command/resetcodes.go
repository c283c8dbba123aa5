package command

import "countersign/internal/flow/directory"

// userResetCodes is `countersign user reset-codes`: the codes of a person's phones are taken again after too many wrong
// ones. It writes a row of the administrator log when wrong codes had been counted. Errors: user.ErrUnknown,
// phone.ErrUnknown.
type userResetCodes struct {
	Name   string `arg:"" help:"User name or ID."`
	Device string `help:"Only this device: its name or ID." placeholder:"DEVICE"`
}

func (c *userResetCodes) Run(r *run) error {
	return r.open(func(in *instance) error {
		u, phones, err := in.ResetCodes(r.ctx, directory.CommandLine, c.Name, c.Device)
		if err != nil {
			return err
		}
		doc := struct {
			Username string   `json:"username"`
			Reset    []string `json:"reset"` // phone_id
		}{u.Username, []string{}}
		for _, p := range phones {
			doc.Reset = append(doc.Reset, p.ID)
		}
		return r.show(doc, func(p *page) { p.line("user.codes_reset", "name", cell(u.Username), "n", len(phones)) })
	})
}
