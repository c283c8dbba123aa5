package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"countersign/internal/domain/audit"
)

const authenticationColumns = `logged_at, log_id, tx_id, event_type, result, reason, factor, user_id, username, email,
	application_id, application_name, ip, user_agent, device_id, device_name`

func (s *store) LogAuthentication(ctx context.Context, a audit.Authentication) error {
	const q = `INSERT INTO authentication_log (` + authenticationColumns + `, position)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`
	return s.run.later(ctx, q, []any{micros(a.Time), a.ID, a.TxID, a.EventType, string(a.Result), a.Reason, a.Factor, a.UserID, a.Username,
		a.Email, a.Application.ID, a.Application.Name, a.IP, a.UserAgent, a.Device.ID, a.Device.Name, s.cache.logged.Add(1)})
}

func scanAuthentication(r *row) audit.Authentication {
	a := audit.Authentication{
		Time: r.time(), ID: r.text(), TxID: r.text(), EventType: r.text(), Result: audit.Result(r.text()), Reason: r.text(),
		Factor: r.text(), UserID: r.text(), Username: r.text(), Email: r.text(),
	}
	a.Application.ID, a.Application.Name = r.text(), r.text()
	a.IP, a.UserAgent = r.text(), r.text()
	a.Device.ID, a.Device.Name = r.text(), r.text()
	return a
}

func (s *store) LogAction(ctx context.Context, a audit.Action) error {
	description := "{}"
	if len(a.Description) > 0 {
		b, err := json.Marshal(a.Description)
		if err != nil {
			return fmt.Errorf("sqlstore: description of an action: %w", err)
		}
		description = string(b)
	}
	const q = `INSERT INTO action_log (logged_at, log_id, actor, action, object, description, position, actor_kind, actor_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	return s.run.later(ctx, q, []any{micros(a.Time), a.ID, a.Actor.Name, a.Action, a.Object, description, s.cache.logged.Add(1),
		string(a.Actor.Kind), a.Actor.ID})
}

// logLimit is the longest page of the record.
const logLimit = 1000

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
	logPeriod(&w, q, `authentication_log`)
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
	text := `SELECT ` + authenticationColumns + ` FROM authentication_log WHERE ` + w.and() +
		` ORDER BY logged_at DESC, position DESC, log_id DESC LIMIT ` + placeholder(len(w.args)+1)
	return list(ctx, s.run, scanAuthentication, text, append(w.args, limit(q.Limit, logLimit))...)
}

// Actions finds a user or an application as actor or object of the action; Result and Reason select nothing here.
func (s *store) Actions(ctx context.Context, q audit.Query) ([]audit.Action, error) {
	var w where
	logPeriod(&w, q, `action_log`)
	if q.User != "" {
		w.add(`(actor = ? OR object = ?)`, q.User, q.User)
	}
	if q.Application != "" {
		w.add(`object = ?`, q.Application)
	}
	var bad error
	scan := func(r *row) audit.Action {
		a := audit.Action{Time: r.time(), ID: r.text(), Actor: audit.Actor{Name: r.text()}, Action: r.text(), Object: r.text()}
		text := r.text()
		a.Actor.Kind, a.Actor.ID = audit.ActorKind(r.text()), r.text()
		if text != "{}" {
			if err := decodeJSON(text, &a.Description); err != nil {
				bad = err
			}
		}
		return a
	}
	text := `SELECT logged_at, log_id, actor, action, object, description, actor_kind, actor_id FROM action_log WHERE ` + w.and() +
		` ORDER BY logged_at DESC, position DESC, log_id DESC LIMIT ` + placeholder(len(w.args)+1)
	all, err := list(ctx, s.run, scan, text, append(w.args, limit(q.Limit, logLimit))...)
	if err == nil {
		err = bad
	}
	return all, err
}
