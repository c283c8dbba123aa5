package sqlstore

import (
	"context"
	"strings"

	"countersign/internal/domain/login"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// visitQuery joins what three nouns keep; their column lists are qualified because names repeat.
var visitQuery = `SELECT ` + qualified("logins", loginColumns) + `, ` + qualified("applications", applicationColumns) + `, ` +
	qualified("users", userColumns) + `, (SELECT body FROM organization_settings WHERE one = 1)
	FROM logins JOIN applications ON applications.application_id = logins.application_id
	LEFT JOIN users ON users.user_id = logins.user_id WHERE logins.login_id = $1`

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

// visitRow carries the texts that are decoded where an error can be returned.
type visitRow struct {
	login       login.Login
	application applicationRow
	user        user.User
	settings    string
}

func scanVisit(r *row) visitRow {
	return visitRow{scanLogin(r), scanApplication(r), scanUser(r), r.text()}
}

func (s *store) VisitByLogin(ctx context.Context, loginID string) (flow.Visit, error) {
	x, err := one(ctx, s.run, login.ErrStale, scanVisit, visitQuery, loginID)
	if err != nil {
		return flow.Visit{}, err
	}
	v := flow.Visit{Login: x.login, User: x.user}
	if v.Application, err = x.application.decode(); err != nil {
		return v, err
	}
	v.Settings, err = s.decodeSettings(x.settings)
	return v, err
}
