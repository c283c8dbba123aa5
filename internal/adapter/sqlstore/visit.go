package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// The queries of a visit join what several nouns keep; column lists are qualified because names repeat. There
// is a row for each phone, or one without: its columns come first, the rest is read once.
var (
	personColumns = qualified("phones", phoneColumns) + `, ` + qualified("users", userColumns) + `,
		NOT EXISTS (SELECT 1 FROM bypass_codes WHERE bypass_codes.user_id = users.user_id AND uses_left <> 0),
		(SELECT body FROM organization_settings WHERE one = 1)`
	visitOfLogin = `SELECT ` + personColumns + `, ` + qualified("logins", loginColumns) + `, ` + qualified("applications", applicationColumns) + `
		FROM logins JOIN applications ON applications.application_id = logins.application_id
		LEFT JOIN users ON users.user_id = logins.user_id
		LEFT JOIN phones ON phones.user_id = users.user_id WHERE logins.`
	visitByLogin  = visitOfLogin + `login_id = $1`
	visitByTicket = visitOfLogin + `ticket_digest = $1`
	visitByName   = `SELECT ` + personColumns + ` FROM user_names JOIN users ON users.user_id = user_names.user_id
		LEFT JOIN phones ON phones.user_id = users.user_id WHERE user_names.name = $1`
	visitByUser = `SELECT ` + personColumns + ` FROM users LEFT JOIN phones ON phones.user_id = users.user_id WHERE users.user_id = $1`
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

// visitRows gathers the rows of a visit. Texts are decoded where an error can be returned.
type visitRows struct {
	flow.Visit
	found       bool
	settings    string
	application applicationRow
}

// with is what a visit's rows hold beside the person.
type with int

const (
	withNothing with = iota
	withLogin        // and its application
)

func (v *visitRows) add(r *row, and with) {
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

func (s *store) VisitByLogin(ctx context.Context, loginID string) (flow.Visit, error) {
	return s.visit(ctx, s.run.query, login.ErrStale, withLogin, visitByLogin, loginID)
}

func (s *store) VisitByTicket(ctx context.Context, ticket []byte) (flow.Visit, error) {
	return s.visit(ctx, s.run.last, login.ErrStale, withLogin, visitByTicket, blob(ticket))
}

func (s *store) VisitByName(ctx context.Context, name string) (flow.Visit, error) {
	return s.visit(ctx, s.run.query, user.ErrUnknown, withNothing, visitByName, name)
}

func (s *store) VisitByUser(ctx context.Context, userID string) (flow.Visit, error) {
	return s.visit(ctx, s.run.query, user.ErrUnknown, withNothing, visitByUser, userID)
}

func (s *store) visit(ctx context.Context, ask func(context.Context, string, []any, func(*row)) error, missing error, and with, q string, keys ...any) (flow.Visit, error) {
	var v visitRows
	if err := ask(ctx, q, keys, func(r *row) { v.add(r, and) }); err != nil {
		return flow.Visit{}, err
	}
	if !v.found {
		return flow.Visit{}, missing
	}
	slices.SortFunc(v.Phones, func(a, b phone.Phone) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	var err error
	if and != withNothing {
		if v.Application, err = v.application.decode(); err != nil {
			return v.Visit, err
		}
	}
	v.Settings, err = s.decodeSettings(v.settings)
	return v.Visit, err
}
