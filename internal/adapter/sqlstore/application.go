package sqlstore

import (
	"context"
	"time"

	"countersign/internal/adapter/sqlstore/engine"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
)

var applications = newTable("applications", func(a *application.Application) []column {
	return []column{{"application_id", &a.ID}, {"name", &a.Name}, {"type", (*string)(&a.Type)}, {"secret", &a.Secret},
		{"self_service", &a.SelfService}, {"normalization", (*string)(&a.Normalization)}, {"redirect_uris", asJSON{&a.RedirectURIs, "[]"}},
		{"policy", asJSON{&a.Policy, "{}"}}, {"disabled", &a.Disabled}, {"created_at", &a.Created}, {"deleted_at", &a.Deleted},
		{"options", asJSON{&a.Options, "{}"}}, {"retired_secrets", asJSON{&a.Retired, ""}}}
})

var createApplication = applications.insert()

func (s *store) CreateApplication(ctx context.Context, a application.Application) error {
	return insert(ctx, s.run, applications, createApplication, a)
}

var applicationByID = applications.from(`WHERE application_id = $1`)

func (s *store) ApplicationByID(ctx context.Context, id string) (application.Application, error) {
	return one(ctx, s.run, application.ErrUnknown, applications, applicationByID, id)
}

var lockApplication = applicationByID + engine.Lock

func (s *store) LockApplication(ctx context.Context, id string) (application.Application, error) {
	if err := s.run.Alone(ctx); err != nil {
		return application.Application{}, err
	}
	return one(ctx, s.run, application.ErrUnknown, applications, lockApplication, id)
}

var allApplications = applications.from(`WHERE deleted_at = 0 ORDER BY name, application_id`)

func (s *store) Applications(ctx context.Context) ([]application.Application, error) {
	return list(ctx, s.run, applications, allApplications)
}

var policiesInUse = newTable("", func(p *policy.Policy) []column { return []column{{"policy", asJSON{p, "{}"}}} })

func (s *store) PoliciesInUse(ctx context.Context) ([]policy.Policy, error) {
	return list(ctx, s.run, policiesInUse, `SELECT DISTINCT policy FROM applications WHERE deleted_at = 0`)
}

// applicationChanges are the columns that may change, but for the secrets.
var applicationChanges = newTable("applications", func(a *application.Application) []column {
	return []column{{"application_id", &a.ID}, {"name", &a.Name}, {"self_service", &a.SelfService},
		{"normalization", (*string)(&a.Normalization)}, {"redirect_uris", asJSON{&a.RedirectURIs, "[]"}}, {"policy", asJSON{&a.Policy, "{}"}},
		{"disabled", &a.Disabled}, {"deleted_at", &a.Deleted}, {"options", asJSON{&a.Options, "{}"}}}
})

var saveApplication = applicationChanges.update()

func (s *store) SaveApplication(ctx context.Context, a application.Application) error {
	args, err := applicationChanges.values(a)
	if err != nil {
		return err
	}
	return s.must(ctx, application.ErrUnknown, saveApplication, args...)
}

var applicationSecrets = newTable("applications", func(a *application.Application) []column {
	return []column{{"application_id", &a.ID}, {"secret", &a.Secret}, {"retired_secrets", asJSON{&a.Retired, ""}}}
})

var replaceSecret = applicationSecrets.update() + ` AND secret = $4`

func (s *store) ReplaceSecret(ctx context.Context, a application.Application, old []byte) error {
	args, err := applicationSecrets.values(a, blob(old))
	if err != nil {
		return err
	}
	return s.must(ctx, application.ErrSecretChanged, replaceSecret, args...)
}

func (s *store) SpendAssertion(ctx context.Context, applicationID string, digest []byte, expires time.Time) error {
	const q = `INSERT INTO spent_assertions (application_id, digest, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (application_id, digest) DO NOTHING`
	return s.must(ctx, application.ErrSpent, q, applicationID, digest, micros(expires))
}

func (s *store) SweepAssertions(ctx context.Context, now time.Time) (int64, error) {
	const q = `DELETE FROM spent_assertions WHERE expires_at < $1`
	return s.count(ctx, q, micros(now))
}
