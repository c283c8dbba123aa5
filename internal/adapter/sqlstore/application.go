package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"countersign/internal/domain/application"
)

const applicationColumns = `application_id, name, type, secret, self_service, normalization, redirect_uris, policy, disabled, created_at, deleted_at, options`

// applicationRow carries the JSON columns until they are decoded, where an error can be returned.
type applicationRow struct {
	a            application.Application
	uris, policy string
	options      string
}

func scanApplication(r *row) applicationRow {
	var x applicationRow
	x.a.ID, x.a.Name, x.a.Type, x.a.Secret = r.text(), r.text(), application.Type(r.text()), r.bytes()
	x.a.SelfService, x.a.Normalization = r.bool(), application.Normalization(r.text())
	x.uris, x.policy = r.text(), r.text()
	x.a.Disabled, x.a.Created, x.a.Deleted, x.options = r.bool(), r.time(), r.time(), r.text()
	return x
}

func (x applicationRow) decode() (application.Application, error) {
	if x.uris != "[]" {
		if err := decodeJSON(x.uris, &x.a.RedirectURIs); err != nil {
			return x.a, err
		}
	}
	if x.policy != "{}" {
		if err := decodeJSON(x.policy, &x.a.Policy); err != nil {
			return x.a, err
		}
	}
	if x.options != "{}" {
		if err := decodeJSON(x.options, &x.a.Options); err != nil {
			return x.a, err
		}
	}
	return x.a, nil
}

func decodeJSON(text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("sqlstore: stored JSON: %w", err)
	}
	return nil
}

// applicationJSON gives the three JSON columns.
func applicationJSON(a application.Application) (uris, layer, options string, err error) {
	uris, layer = "[]", "{}"
	if len(a.RedirectURIs) > 0 {
		b, err := json.Marshal(a.RedirectURIs)
		if err != nil {
			return "", "", "", err
		}
		uris = string(b)
	}
	b, err := json.Marshal(a.Policy)
	if err != nil {
		return "", "", "", err
	}
	o, err := json.Marshal(a.Options)
	return uris, string(b), string(o), err
}

func (s *store) CreateApplication(ctx context.Context, a application.Application) error {
	uris, layer, options, err := applicationJSON(a)
	if err != nil {
		return err
	}
	const q = `INSERT INTO applications (` + applicationColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	return s.run.later(ctx, q, []any{a.ID, a.Name, string(a.Type), blob(a.Secret), a.SelfService, string(a.Normalization), uris, layer,
		a.Disabled, micros(a.Created), micros(a.Deleted), options})
}

func (s *store) ApplicationByID(ctx context.Context, id string) (application.Application, error) {
	const q = `SELECT ` + applicationColumns + ` FROM applications WHERE application_id = $1`
	x, err := one(ctx, s.run, application.ErrUnknown, scanApplication, q, id)
	if err != nil {
		return application.Application{}, err
	}
	return x.decode()
}

func (s *store) Applications(ctx context.Context) ([]application.Application, error) {
	const q = `SELECT ` + applicationColumns + ` FROM applications WHERE deleted_at = 0 ORDER BY name, application_id`
	rows, err := list(ctx, s.run, scanApplication, q)
	if err != nil {
		return nil, err
	}
	all := make([]application.Application, len(rows))
	for i, x := range rows {
		if all[i], err = x.decode(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *store) SaveApplication(ctx context.Context, a application.Application) error {
	uris, layer, options, err := applicationJSON(a)
	if err != nil {
		return err
	}
	const q = `UPDATE applications SET name = $2, secret = $3, self_service = $4, normalization = $5, redirect_uris = $6, policy = $7,
		disabled = $8, deleted_at = $9, options = $10 WHERE application_id = $1`
	return must(ctx, s.run, application.ErrUnknown, q, a.ID, a.Name, blob(a.Secret), a.SelfService, string(a.Normalization), uris, layer,
		a.Disabled, micros(a.Deleted), options)
}

func (s *store) SpendAssertion(ctx context.Context, applicationID string, digest []byte, expires time.Time) (bool, error) {
	const q = `INSERT INTO spent_assertions (application_id, digest, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (application_id, digest) DO NOTHING`
	return touched(ctx, s.run, q, applicationID, digest, micros(expires))
}

func (s *store) SweepAssertions(ctx context.Context, now time.Time) (int64, error) {
	const q = `DELETE FROM spent_assertions WHERE expires_at < $1`
	return s.run.exec(ctx, q, []any{micros(now)})
}
