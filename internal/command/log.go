package command

import (
	"time"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
)

// window are the flags that select a part of a log.
type window struct {
	Since string `help:"From here on: a time (2026-01-31T08:00:00Z), a day (2026-01-31) or an age (90m, 24h)." placeholder:"WHEN"`
	Until string `help:"Up to here, in the same forms." placeholder:"WHEN"`
	Limit int    `default:"100" help:"At most so many, newest first."`
}

// query turns the flags into a query. The error is a usageError.
func (w window) query(r *run) (audit.Query, error) {
	q := audit.Query{Limit: w.Limit}
	if w.Limit < 1 || w.Limit > 100_000 {
		return q, usagef("--limit is 1 to 100000")
	}
	for _, f := range []struct {
		flag, text string
		to         *time.Time
	}{{"--since", w.Since, &q.Since}, {"--until", w.Until, &q.Until}} {
		t, ok := moment(f.text, r.Now())
		if !ok {
			return q, usagef("%s is a time, a day or an age, not %q", f.flag, f.text)
		}
		*f.to = t
	}
	return q, nil
}

// moment reads a time (RFC 3339), a day (local midnight) or an age before now. Empty text is the zero time.
func moment(text string, now time.Time) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), true
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// logAuth is `countersign log auth`: it prints rows of the authentication log, newest first. It changes nothing.
type logAuth struct {
	User   string `help:"Only this user." placeholder:"NAME"`
	App    string `help:"Only this application: client_id or name." placeholder:"APP"`
	Result string `enum:",success,denied,fraud,error" default:"" placeholder:"success|denied|fraud|error" help:"Only this result."`
	window
}

// namedDoc is an object with its name in a JSON document.
type namedDoc struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

// authDoc is a row of the authentication log in a JSON document. Its names follow the Admin API's authentication
// log where that has them.
type authDoc struct {
	ID          string   `json:"id"`
	TxID        string   `json:"txid"`       // a UUID
	Reference   string   `json:"reference"`  // the short form of the txid that the sign-in page shows to the person
	Time        *string  `json:"time"`       // RFC 3339
	EventType   string   `json:"event_type"` // "authentication" or "enrollment"
	Result      string   `json:"result"`     // success, denied, fraud or error
	Reason      string   `json:"reason"`     // a reason of domain/audit
	Factor      string   `json:"factor"`     // a factor of domain/audit
	UserID      string   `json:"user_id"`
	Username    string   `json:"username"`
	Email       string   `json:"email"`
	Application namedDoc `json:"application"`
	IP          string   `json:"ip"` // of the browser, or as the application reports it
	UserAgent   string   `json:"user_agent"`
	Device      namedDoc `json:"auth_device"`
}

func (c *logAuth) Run(r *run) error {
	q, err := c.query(r)
	if err != nil {
		return err
	}
	q.Result = audit.Result(c.Result)
	if q.User = c.User; c.User != "" {
		if name, err := user.Normalize(c.User); err == nil {
			q.User = name
		}
	}
	return r.open(func(in *instance) error {
		if c.App != "" {
			a, err := in.findApp(r.ctx, c.App)
			if err != nil {
				return err
			}
			q.Application = a.ID
		}
		entries, err := in.AuthenticationLog(r.ctx, q)
		if err != nil {
			return err
		}
		docs := make([]authDoc, len(entries))
		rows := make([][]any, len(entries))
		for i, e := range entries {
			docs[i] = authDoc{
				ID: e.ID, TxID: e.TxID, Reference: signin.Reference(e.TxID), Time: stamp(e.Time), EventType: e.EventType, Result: string(e.Result), Reason: e.Reason,
				Factor: e.Factor, UserID: e.UserID, Username: e.Username, Email: e.Email, IP: e.IP, UserAgent: e.UserAgent,
				Application: namedDoc{e.Application.ID, e.Application.Name}, Device: namedDoc{e.Device.ID, e.Device.Name},
			}
			rows[i] = []any{e.Time, e.Result, e.Reason, e.Username, e.Application.Name, e.Factor, e.IP, signin.Reference(e.TxID)}
		}
		return r.show(docs, func(p *page) {
			if len(docs) == 0 {
				p.line("log.none")
				return
			}
			p.table([]string{"time", "result", "reason", "username", "application", "factor", "ip", "reference"}, rows)
		})
	})
}

// logAdmin is `countersign log admin`: it prints rows of the administrator log, newest first. It changes nothing.
type logAdmin struct {
	window
}

// actionDoc is a row of the administrator log in a JSON document: who did what to which object.
type actionDoc struct {
	ID          string         `json:"id"`
	Time        *string        `json:"time"`        // RFC 3339
	Actor       string         `json:"actor"`       // who did it
	Action      string         `json:"action"`      // such as user_update, as the Admin API names it
	Object      string         `json:"object"`      // name of what was changed
	Description map[string]any `json:"description"` // the changed fields; no secrets
}

func (c *logAdmin) Run(r *run) error {
	q, err := c.query(r)
	if err != nil {
		return err
	}
	return r.open(func(in *instance) error {
		entries, err := in.ActionLog(r.ctx, q)
		if err != nil {
			return err
		}
		docs := make([]actionDoc, len(entries))
		rows := make([][]any, len(entries))
		for i, e := range entries {
			docs[i] = actionDoc{ID: e.ID, Time: stamp(e.Time), Actor: e.Actor.Name, Action: e.Action, Object: e.Object, Description: e.Description}
			rows[i] = []any{e.Time, e.Actor.Name, e.Action, e.Object}
		}
		return r.show(docs, func(p *page) {
			if len(docs) == 0 {
				p.line("log.none")
				return
			}
			p.table([]string{"time", "actor", "action", "object"}, rows)
		})
	})
}
