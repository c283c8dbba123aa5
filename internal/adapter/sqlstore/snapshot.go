package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"countersign/internal/adapter/sqlstore/engine"
	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// A snapshot joins what several nouns keep. There is a row for each phone of the person, or one without a phone: its
// columns come first, the rest is the same in each row and read once.

// beside is what a snapshot says of a person that is in no table of theirs.
type beside struct {
	codes    string
	settings string
}

var besides = newTable("", func(b *beside) []column {
	return []column{{"codes", &b.codes}, {"settings", &b.settings}}
})

// A code of the help desk that has a use left has a "+" behind its ID.
const besideColumns = `COALESCE((SELECT string_agg(bypass_id || CASE WHEN uses_left <> 0 AND codes_off_at = 0 THEN '+' ELSE '' END, ' ')
		FROM bypass_codes WHERE bypass_codes.user_id = users.user_id), '') AS codes,
	` + settingsColumn

const settingsColumn = `COALESCE((SELECT body FROM organization_settings WHERE one = 1), '') AS settings`

// with is what the rows of a snapshot hold beside the person.
type with int

const (
	withNothing     with = iota
	withLogin            // and its application
	withApplication      // one that is named
	withRequest          // its application, and its login if there is one
)

// snapshotQuery is a SELECT of persons, and of more.
type snapshotQuery struct {
	text    string
	shape   engine.Shape
	with    with
	missing error
}

func snapshotOf(w with, missing error, from string) *snapshotQuery {
	q := &snapshotQuery{with: w, missing: missing, text: `SELECT `}
	add := func(list string, shape engine.Shape) {
		if len(q.shape) > 0 {
			q.text += ", "
		}
		q.text, q.shape = q.text+list, append(q.shape, shape...)
	}
	add(phones.joined())
	add(users.joined())
	add(besideColumns, besides.shape)
	if w == withLogin || w == withRequest {
		add(logins.joined())
	}
	if w != withNothing {
		add(applications.joined())
	}
	if w == withRequest {
		add(transactions.joined())
	}
	q.text += from
	return q
}

const (
	theirPhones = ` LEFT JOIN phones ON phones.user_id = users.user_id WHERE `
	ofLogin     = ` FROM logins JOIN applications ON applications.application_id = logins.application_id
		LEFT JOIN users ON users.user_id = logins.user_id` + theirPhones
)

var (
	snapshotByLogin = snapshotOf(withLogin, login.ErrStale, ofLogin+`logins.login_id = $1`)
	snapshotByGrant = snapshotOf(withLogin, login.ErrStale, ofLogin+`logins.ticket_digest = $1`)
	snapshotByName  = snapshotOf(withNothing, user.ErrUnknown,
		` FROM user_names JOIN users ON users.user_id = user_names.user_id`+theirPhones+`user_names.name = $1`)
	snapshotByRequest = snapshotOf(withRequest, transaction.ErrUnknown,
		` FROM transactions LEFT JOIN applications ON applications.application_id = transactions.application_id
		LEFT JOIN logins ON logins.login_id = transactions.login_id LEFT JOIN users ON users.user_id = transactions.user_id`+
			theirPhones+`transactions.transaction_id = $1`)
	snapshotAt = snapshotOf(withApplication, user.ErrUnknown,
		` FROM users JOIN applications ON applications.application_id = $2`+theirPhones+`users.user_id = $1`)
	snapshotByAccount = snapshotOf(withNothing, user.ErrUnknown, ` FROM users`+theirPhones+`users.user_id = $1`)
)

func (s *store) SnapshotByLogin(ctx context.Context, loginID string) (flow.Snapshot, error) {
	return s.snapshot(ctx, snapshotByLogin, loginID)
}

func (s *store) SnapshotByGrant(ctx context.Context, grant []byte) (flow.Snapshot, error) {
	return s.snapshot(ctx, snapshotByGrant, blob(grant))
}

func (s *store) SnapshotByRequest(ctx context.Context, transactionID string) (flow.Snapshot, error) {
	v, err := s.snapshot(ctx, snapshotByRequest, transactionID)
	switch {
	case err != nil:
		return v, err
	case v.User.ID == "":
		return v, user.ErrUnknown
	case v.Application.ID == "":
		return v, application.ErrUnknown
	case v.Login.ID == "": // it is gone, or there never was one
		v.Login = login.Login{Username: v.Request.Username, IP: v.Request.IP}
	}
	return v, nil
}

func (s *store) HoldPolicy(ctx context.Context) error { return s.run.Share(ctx) }

func (s *store) LockRequest(ctx context.Context, transactionID string) (flow.Snapshot, error) {
	const q = `SELECT user_id FROM users WHERE user_id = (SELECT user_id FROM transactions WHERE transaction_id = $1)` + engine.Lock
	if err := cmp.Or(s.HoldPolicy(ctx), s.queue(ctx, q, transactionID)); err != nil {
		return flow.Snapshot{}, err
	}
	return s.SnapshotByRequest(ctx, transactionID)
}

func (s *store) SnapshotAt(ctx context.Context, id account.ID, applicationID string) (flow.Snapshot, error) {
	return s.snapshot(ctx, snapshotAt, id, applicationID)
}

func (s *store) LockAt(ctx context.Context, id account.ID, applicationID string) (flow.Snapshot, error) {
	if err := cmp.Or(s.HoldPolicy(ctx), s.HoldAccount(ctx, id)); err != nil {
		return flow.Snapshot{}, err
	}
	return s.SnapshotAt(ctx, id, applicationID)
}

func (s *store) SnapshotByName(ctx context.Context, name string) (flow.Snapshot, error) {
	return s.snapshot(ctx, snapshotByName, name)
}

func (s *store) SnapshotByAccount(ctx context.Context, id account.ID) (flow.Snapshot, error) {
	return s.snapshot(ctx, snapshotByAccount, id)
}

// ruled is an account and the settings, as Rules have them.
type ruled struct {
	epoch    int64
	settings string
}

var (
	ruleds  = newTable("", func(r *ruled) []column { return []column{{"epoch", &r.epoch}, {"settings", &r.settings}} })
	rulesAt = func() *snapshotQuery {
		list, shape := applications.joined()
		return &snapshotQuery{shape: slices.Concat(ruleds.shape, shape), text: `SELECT users.epoch, ` + settingsColumn + `, ` + list +
			` FROM users JOIN applications ON applications.application_id = $2 WHERE users.user_id = $1`}
	}()
)

func (s *store) RulesAt(ctx context.Context, id account.ID, applicationID string) (v flow.Rules, err error) {
	err = s.run.Query(ctx, rulesAt.text, []any{id, applicationID}, &rulesAt.shape, func(r engine.Row) error {
		of, err := ruleds.scan(r, 0)
		if err != nil {
			return err
		}
		v.Epoch = of.epoch
		if v.Settings, err = s.decodeSettings(of.settings); err != nil {
			return err
		}
		v.Application, err = applications.scan(r, len(ruleds.shape))
		return err
	})
	if err == nil && v.Application.ID == "" {
		err = user.ErrUnknown
	}
	return v, err
}

func (s *store) snapshot(ctx context.Context, q *snapshotQuery, keys ...any) (v flow.Snapshot, err error) {
	some := false
	err = s.run.Query(ctx, q.text, keys, &q.shape, func(r engine.Row) error {
		if !r.Null(0) {
			p, err := phones.scan(r, 0)
			if err != nil {
				return err
			}
			v.Phones = append(v.Phones, p)
		}
		if some {
			return nil
		}
		some = true
		return s.fill(&v, q.with, r)
	})
	if err != nil {
		return flow.Snapshot{}, err
	}
	if !some {
		return flow.Snapshot{}, q.missing
	}
	slices.SortFunc(v.Phones, func(a, b phone.Phone) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return v, nil
}

// fill reads what is the same in each row. Where there is no user, login or application, all columns of it are NULL.
func (s *store) fill(v *flow.Snapshot, w with, r engine.Row) (err error) {
	at := len(phones.shape)
	if !r.Null(at) {
		if v.User, err = users.scan(r, at); err != nil {
			return err
		}
	}
	at += len(users.shape)
	b, err := besides.scan(r, at)
	if err != nil {
		return err
	}
	v.Codeless = !strings.Contains(b.codes, "+")
	if b.codes != "" {
		v.DeskCodes = strings.FieldsFunc(b.codes, func(r rune) bool { return r == ' ' || r == '+' })
	}
	if v.Settings, err = s.decodeSettings(b.settings); err != nil {
		return err
	}
	at += len(besides.shape)
	if w == withNothing {
		return nil
	}
	if w != withApplication {
		if !r.Null(at) {
			if v.Login, err = logins.scan(r, at); err != nil {
				return err
			}
		}
		at += len(logins.shape)
	}
	if !r.Null(at) {
		if v.Application, err = applications.scan(r, at); err != nil {
			return err
		}
	}
	if w == withRequest {
		v.Request, err = transactions.scan(r, at+len(applications.shape))
	}
	return err
}
