package directory

import (
	"context"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
)

// How long both secrets work after a reset: when nobody says, and at most.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 7 * 24 * time.Hour
)

// ErrOverlap reports an overlap below zero or above MaxOverlap.
var ErrOverlap = errs.New(errs.Invalid, "application.overlap")

// ResetSecret gives an application a new secret. The present one works beside it for the overlap, and those from before it
// no longer than that; 0 ends all of them at once. A secret that works no more stays known: who signs with it is refused as
// one whom we know, because a host that fails open lets people in when it is taken for a stranger (RULE-34). ErrOverlap,
// application.ErrSecretChanged.
func (f *Flow) ResetSecret(ctx context.Context, actor audit.Actor, key string, overlap time.Duration) (application.Application, secret.Text, error) {
	var a application.Application
	if err := may(actor, audit.OverSettings); err != nil {
		return a, secret.Text{}, err
	}
	if overlap < 0 || overlap > MaxOverlap {
		return a, secret.Text{}, ErrOverlap
	}
	plain := id.ApplicationSecret(f.rand)
	err := f.change(ctx, actor, audit.OverSettings, func(st Store) (err error) {
		if a, err = lockApplication(ctx, st, key); err != nil {
			return err
		}
		present, until := a.Secret, f.now().Add(overlap).Truncate(time.Second)
		if err := f.replaceSecret(&a, plain, until); err != nil {
			return err
		}
		if err := st.ReplaceSecret(ctx, a, present); err != nil {
			return err
		}
		return f.log(ctx, st, actor, "integration_skey_reset", a.Name, map[string]any{"application_id": a.ID, "old_secret_until": until.UTC().Format(time.RFC3339)})
	})
	if err != nil {
		return application.Application{}, secret.Text{}, err
	}
	return a, secret.NewText(plain), nil
}

// replaceSecret puts a secret in the place of the present one, which works until then.
func (f *Flow) replaceSecret(a *application.Application, plain string, until time.Time) error {
	old, err := f.keys.Open(application.SecretPurpose, a.ID, a.Secret)
	if err != nil {
		return err
	}
	a.Replace(f.keys.Seal(application.SecretPurpose, a.ID, []byte(plain)),
		f.keys.Seal(application.SecretPurpose, application.RetiredRow(a.ID, a.SecretNumber()), old), until)
	return nil
}

// retireSecrets puts a secret nobody has seen in the place of the present one. None works any more, and all stay known.
func (f *Flow) retireSecrets(ctx context.Context, st Store, a application.Application) error {
	present := a.Secret
	if len(present) == 0 {
		return nil
	}
	if err := f.replaceSecret(&a, id.ApplicationSecret(f.rand), f.now().Truncate(time.Second)); err != nil {
		return err
	}
	return st.ReplaceSecret(ctx, a, present)
}
