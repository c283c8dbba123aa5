package command

import (
	"errors"
	"fmt"
	"io/fs"

	"countersign/internal/base/errs"
	"countersign/internal/base/message"
)

// doctorCommand is `countersign doctor`: it checks configuration, files, database, certificate, mail and push
// services and prints a line for each, with what to do where something is wrong. The exit code is 1 when a check
// failed; warnings do not count. It changes no data, and sends neither mail nor alerts.
type doctorCommand struct{}

// States of a finding.
const (
	fine = "ok"
	warn = "warn"
	fail = "fail"
)

// finding is the result of one check.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"` // ok, warn or fail
	Found string `json:"found"`
	Mend  string `json:"mend,omitempty"` // what to do; empty when the state is ok
}

// report collects findings.
type report struct {
	Findings []finding `json:"checks"`
	Failed   bool      `json:"failed"`
}

// add appends a finding. Its sentences are those of the catalogue under command.doctor.<check>.<key>, and for what
// to do <key>.mend; pairs fill their placeholders.
func (d *report) add(check, state, key string, pairs ...any) {
	c := message.English()
	f := finding{Check: check, State: state, Found: oneLine(c.Text("command.doctor."+check+"."+key, pairs...))}
	if mend := "command.doctor." + check + "." + key + ".mend"; state != fine && message.Has(mend) {
		f.Mend = c.Text(mend, pairs...)
	}
	d.Findings = append(d.Findings, f)
	d.Failed = d.Failed || state == fail
}

// Run makes all checks it can. When a part is broken, only the checks that need that part are left out.
func (doctorCommand) Run(r *run) error {
	d := &report{Findings: []finding{}}
	path := r.configPath()
	cfg, err := r.load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.add("config", fail, "missing", "file", path)
	case errors.Is(err, errUnread):
		d.add("config", fail, "unread", "file", path, "error", errs.Of(err).Cause)
	case err != nil:
		d.add("config", fail, "bad", "file", path, "error", errs.Of(err).Cause)
	default:
		d.add("config", fine, "good", "file", path)
		d.files(path, cfg)
		d.connections()
		d.database(r, cfg)
		d.certificate(r, cfg)
		d.mail(r, cfg)
		d.push(r, cfg)
	}
	if err := r.show(d, d.write); err != nil {
		return err
	}
	if d.Failed {
		return errReported
	}
	return nil
}

// write prints the findings as text, and one sentence in the end.
func (d *report) write(p *page) {
	for _, f := range d.Findings {
		p.raw(fmt.Sprintf("%-5s %-12s %s\n", f.State, f.Check, cell(f.Found)))
		if f.Mend != "" {
			p.raw(fmt.Sprintf("%-5s %-12s -> %s\n", "", "", cell(f.Mend)))
		}
	}
	switch {
	case d.Failed:
		p.line("doctor.summary.fail")
	default:
		p.line("doctor.summary.ok")
	}
}
