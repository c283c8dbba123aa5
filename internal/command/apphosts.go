package command

import (
	"cmp"
	"slices"

	"countersign/internal/base/message"
	"countersign/internal/domain/application"
)

// hostDoc is a host in a JSON document: a machine whose client has reported its fail mode.
type hostDoc struct {
	Host      string  `json:"host"`      // "" when the client sends no name
	FailMode  string  `json:"fail_mode"` // open or closed
	FailsOpen bool    `json:"fails_open"`
	LastSeen  *string `json:"last_seen"` // last contact, recorded at most once a day
}

// appHosts is `countersign app hosts`: it lists the hosts of an application and what each of them does when it
// cannot reach the server. It changes nothing.
type appHosts struct {
	App string `arg:"" help:"client_id or name."`
}

// Run lists the hosts that fail open, which let people in without the server, before the others.
func (c *appHosts) Run(r *run) error {
	return r.open(func(in *instance) error {
		a, err := in.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		hosts, err := in.Hosts(r.ctx, a.ID)
		if err != nil {
			return err
		}
		slices.SortStableFunc(hosts, func(a, b application.Host) int { return -cmp.Compare(a.FailMode, b.FailMode) }) // "open" first
		docs := make([]hostDoc, 0, len(hosts))
		rows := make([][]any, 0, len(hosts))
		open := 0
		for _, h := range hosts {
			d := hostDoc{h.Name, string(h.FailMode), h.FailMode == application.FailsOpen, stamp(h.Seen)}
			docs = append(docs, d)
			name := h.Name
			if name == "" {
				name = message.English().Text("command.app.host_unnamed")
			}
			if d.FailsOpen {
				open++
			}
			rows = append(rows, []any{name, message.English().Text("command.app.fails_" + d.FailMode), h.Seen})
		}
		return r.show(docs, func(p *page) {
			if len(docs) == 0 {
				p.line("app.hosts_none")
				return
			}
			p.table([]string{"host", "unreached", "last_seen"}, rows)
			if open > 0 {
				p.line("app.hosts_open", "n", open, "all", len(docs))
			}
		})
	})
}
