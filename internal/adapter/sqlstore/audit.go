package sqlstore

import (
	"context"

	"countersign/internal/domain/audit"
)

var authentications = newTable("authentication_log", func(a *audit.Authentication) []column {
	return []column{{"logged_at", &a.Time}, {"log_id", &a.ID}, {"tx_id", &a.TxID}, {"event_type", &a.EventType}, {"result", (*string)(&a.Result)},
		{"reason", &a.Reason}, {"factor", &a.Factor}, {"user_id", &a.UserID}, {"username", &a.Username}, {"email", &a.Email},
		{"application_id", &a.Application.ID}, {"application_name", &a.Application.Name}, {"ip", &a.IP}, {"user_agent", &a.UserAgent},
		{"device_id", &a.Device.ID}, {"device_name", &a.Device.Name}}
})

var actions = newTable("action_log", func(a *audit.Action) []column {
	return []column{{"logged_at", &a.Time}, {"log_id", &a.ID}, {"actor", &a.Actor.Name}, {"action", &a.Action}, {"object", &a.Object},
		{"description", asJSON{&a.Description, "{}"}}, {"actor_kind", (*string)(&a.Actor.Kind)}, {"actor_id", &a.Actor.ID}}
})

// The position of a row orders those of one moment: rows logged by this process are counted.
var (
	logAuthentication = authentications.insert("position")
	logAction         = actions.insert("position")
)

func (s *store) LogAuthentication(ctx context.Context, a audit.Authentication) error {
	return insert(ctx, s.run, authentications, logAuthentication, a, s.memory.logged.Add(1))
}

func (s *store) LogAction(ctx context.Context, a audit.Action) error {
	return insert(ctx, s.run, actions, logAction, a, s.memory.logged.Add(1))
}

// logLimit is the longest page of the record.
const logLimit = 1000

// newestFirst ends a query of the record.
const newestFirst = ` ORDER BY logged_at DESC, position DESC, log_id DESC LIMIT `

// logPeriod selects by time. A page continues after a row, whose position is looked up by its ID.
func logPeriod(w *where, q audit.Query, table string) {
	if !q.Since.IsZero() {
		w.add(`logged_at >= ?`, micros(q.Since))
	}
	if !q.Until.IsZero() {
		w.add(`logged_at < ?`, micros(q.Until))
	}
	if !q.BeforeTime.IsZero() {
		t := micros(q.BeforeTime)
		w.add(`(logged_at, position, log_id) < (?, COALESCE((SELECT position FROM `+table+` WHERE logged_at = ? AND log_id = ?), CAST(0 AS BIGINT)), ?)`,
			t, t, q.BeforeID, q.BeforeID)
	}
}

func (s *store) Authentications(ctx context.Context, q audit.Query) ([]audit.Authentication, error) {
	var w where
	logPeriod(&w, q, authentications.name)
	if q.User != "" {
		w.add(`username = ?`, q.User)
	}
	if q.Application != "" {
		w.add(`application_id = ?`, q.Application)
	}
	if q.Result != "" {
		w.add(`result = ?`, string(q.Result))
	}
	if q.Reason != "" {
		w.add(`reason = ?`, q.Reason)
	}
	text := authentications.from(`WHERE ` + w.and() + newestFirst + placeholder(len(w.args)+1))
	return list(ctx, s.run, authentications, text, append(w.args, limit(q.Limit, logLimit))...)
}

// Actions finds a user or an application as actor or object of the action; Result and Reason select nothing here.
func (s *store) Actions(ctx context.Context, q audit.Query) ([]audit.Action, error) {
	var w where
	logPeriod(&w, q, actions.name)
	if q.User != "" {
		w.add(`(actor = ? OR object = ?)`, q.User, q.User)
	}
	if q.Application != "" {
		w.add(`object = ?`, q.Application)
	}
	text := actions.from(`WHERE ` + w.and() + newestFirst + placeholder(len(w.args)+1))
	return list(ctx, s.run, actions, text, append(w.args, limit(q.Limit, logLimit))...)
}
