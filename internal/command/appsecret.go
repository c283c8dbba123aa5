package command

import (
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/flow/directory"
)

// resetDoc is an application with its new secret in a JSON document.
type resetDoc struct {
	appDoc
	Hosts     int `json:"hosts"`      // that told their fail mode
	HostsOpen int `json:"hosts_open"` // of them, those that let people in when the server cannot be reached
}

// appResetSecret is `countersign app reset-secret`: it replaces the secret key of an application, writes a row of
// the administrator log and prints the new one. Requests that are signed with the old key are taken for a while, then refused.
type appResetSecret struct {
	App     string        `arg:"" help:"client_id or name."`
	Overlap time.Duration `default:"24h" placeholder:"TIME" help:"How long the old secret works beside the new one: 24h unless said otherwise, 168h (7 days) at most, 0 for not at all, as when it has leaked."`
}

func (c *appResetSecret) Run(r *run) error {
	return r.open(func(in *instance) error {
		a, err := in.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		hosts, err := in.Hosts(r.ctx, a.ID)
		if err != nil {
			return err
		}
		a, secret, err := in.ResetSecret(r.ctx, directory.CommandLine, a.ID, c.Overlap)
		if err != nil {
			return err
		}
		doc := resetDoc{appDoc: in.appDoc(a, secret.Reveal()), Hosts: len(hosts)}
		for _, h := range hosts {
			if h.FailMode == application.FailsOpen {
				doc.HostsOpen++
			}
		}
		return r.show(doc, func(p *page) {
			p.line("app.secret_reset", "name", cell(a.Name))
			if doc.OldSecret != nil {
				p.line("app.secret_until", "until", cell(doc.overlap), "id", a.ID)
			} else {
				p.line("app.secret_ended")
			}
			p.line("app.secret_afterwards")
			if doc.Hosts > 0 {
				p.line("app.secret_hosts", "all", doc.Hosts, "open", doc.HostsOpen, "id", a.ID)
			}
			in.keys(p, doc.appDoc)
		})
	})
}
