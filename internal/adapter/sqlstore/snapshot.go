package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// The queries of a snapshot join what several nouns keep; column lists are qualified because names repeat. There
// is a row for each phone, or one without: its columns come first, the rest is read once.
var (
	personColumns = qualified("phones", phoneColumns) + `, ` + qualified("users", userColumns) + `,
		NOT EXISTS (SELECT 1 FROM bypass_codes WHERE bypass_codes.user_id = users.user_id AND uses_left <> 0),
		(SELECT body FROM organization_settings WHERE one = 1)`
	snapshotOfLogin = `SELECT ` + personColumns + `, ` + qualified("logins", loginColumns) + `, ` + qualified("applications", applicationColumns) + `
		FROM logins JOIN applications ON applications.application_id = logins.application_id
		LEFT JOIN users ON users.user_id = logins.user_id
		LEFT JOIN phones ON phones.user_id = users.user_id WHERE logins.`
	snapshotByLogin = snapshotOfLogin + `login_id = $1`
	snapshotByGrant = snapshotOfLogin + `ticket_digest = $1`
	snapshotByName  = `SELECT ` + personColumns + ` FROM user_names JOIN users ON users.user_id = user_names.user_id
		LEFT JOIN phones ON phones.user_id = users.user_id WHERE user_names.name = $1`
	snapshotByApplication = `SELECT ` + personColumns + `, ` + qualified("applications", applicationColumns) + `
		FROM applications LEFT JOIN user_names ON user_names.name = $2 LEFT JOIN users ON users.user_id = user_names.user_id
		LEFT JOIN phones ON phones.user_id = users.user_id WHERE applications.application_id = $1`
	snapshotByAccount = `SELECT ` + personColumns + ` FROM users LEFT JOIN phones ON phones.user_id = users.user_id WHERE users.user_id = $1`
)

// qualified puts the table before each column that does not name one.
func qualified(table, columns string) string {
	names := strings.Split(columns, ",")
	for i, name := range names {
		if name = strings.TrimSpace(name); !strings.Contains(name, ".") {
			name = table + "." + name
		}
		names[i] = name
	}
	return strings.Join(names, ", ")
}

// snapshotRows gathers the rows of a snapshot. Texts are decoded where an error can be returned.
type snapshotRows struct {
	flow.Snapshot
	found       bool
	settings    string
	application applicationRow
}

// with is what a snapshot's rows hold beside the person.
type with int

const (
	withNothing with = iota
	withApplication
	withLogin // and its application
)

func (v *snapshotRows) add(r *row, and with) {
	if p := scanPhone(r); p.ID != "" {
		v.Phones = append(v.Phones, p)
	}
	if v.found {
		return
	}
	v.found = true
	v.User, v.Codeless, v.settings = scanUser(r), r.bool(), r.text()
	if and == withLogin {
		v.Login = scanLogin(r)
	}
	if and != withNothing {
		v.application = scanApplication(r)
	}
}

func (s *store) SnapshotByLogin(ctx context.Context, loginID string) (flow.Snapshot, error) {
	return s.snapshot(ctx, s.run.query, login.ErrStale, withLogin, snapshotByLogin, loginID)
}

func (s *store) SnapshotByGrant(ctx context.Context, grant []byte) (flow.Snapshot, error) {
	return s.snapshot(ctx, s.run.last, login.ErrStale, withLogin, snapshotByGrant, blob(grant))
}

func (s *store) SnapshotByName(ctx context.Context, name string) (flow.Snapshot, error) {
	return s.snapshot(ctx, s.run.query, user.ErrUnknown, withNothing, snapshotByName, name)
}

func (s *store) SnapshotByAccount(ctx context.Context, id account.ID) (flow.Snapshot, error) {
	return s.snapshot(ctx, s.run.query, user.ErrUnknown, withNothing, snapshotByAccount, id)
}

func (s *store) SnapshotByApplication(ctx context.Context, applicationID, name string) (flow.Snapshot, error) {
	return s.snapshot(ctx, s.run.query, application.ErrUnknown, withApplication, snapshotByApplication, applicationID, name)
}

func (s *store) snapshot(ctx context.Context, ask func(context.Context, string, []any, func(*row)) error, missing error, and with, q string, keys ...any) (flow.Snapshot, error) {
	var v snapshotRows
	if err := ask(ctx, q, keys, func(r *row) { v.add(r, and) }); err != nil {
		return flow.Snapshot{}, err
	}
	if !v.found {
		return flow.Snapshot{}, missing
	}
	slices.SortFunc(v.Phones, func(a, b phone.Phone) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	var err error
	if and != withNothing {
		if v.Application, err = v.application.decode(); err != nil {
			return v.Snapshot, err
		}
	}
	v.Settings, err = s.decodeSettings(v.settings)
	return v.Snapshot, err
}
