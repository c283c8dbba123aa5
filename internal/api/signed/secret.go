package signed

import (
	"time"

	"countersign/internal/api/reply"
	"countersign/internal/domain/application"
)

// Secret is one that an application has or had, opened.
type Secret struct {
	Key    []byte
	Number int // as application.Retired counts them
}

// FindSecret gives the secret that fits what a caller signed: the present one, which is tried first, or one from before that
// still works. The error is a *reply.Error: ErrSignature when none fits, ErrRetired for one that works no more, and a 429 when
// none can be read.
func FindSecret(keys Keys, app application.Application, now time.Time, fits func(key []byte) bool) (Secret, error) {
	key, err := keys.Open(application.SecretPurpose, app.ID, app.Secret)
	if err != nil {
		return Secret{}, reply.ErrTooManyRequests.With(err)
	}
	if len(key) > 0 && fits(key) {
		return Secret{key, app.SecretNumber()}, nil
	}
	return FindRetired(keys, app, now, fits)
}

// FindRetired is FindSecret for a caller whom the present secret does not fit. Where the application had more secrets than
// are known, nobody is taken for a stranger: it may be one of its hosts.
func FindRetired(keys Keys, app application.Application, now time.Time, fits func(key []byte) bool) (Secret, error) {
	for i := len(app.Retired) - 1; i >= 0; i-- { // the latest is the likeliest
		old := app.Retired[i]
		key, err := openRetired(keys, app, old)
		switch {
		case err != nil:
			return Secret{}, reply.ErrTooManyRequests.With(err)
		case !fits(key):
		case old.Works(now):
			return Secret{key, old.Number}, nil
		default:
			return Secret{}, reply.ErrRetired
		}
	}
	if !app.KnowsAll() {
		return Secret{}, reply.ErrRetired
	}
	return Secret{}, reply.ErrSignature
}

// SecretNumbered opens the secret with which a caller began what ends now. reply.ErrRetired when it works no more.
func SecretNumbered(keys Keys, app application.Application, number int, now time.Time) ([]byte, error) {
	if number == app.SecretNumber() {
		return keys.Open(application.SecretPurpose, app.ID, app.Secret)
	}
	for _, old := range app.Retired {
		if old.Number == number && old.Works(now) {
			return openRetired(keys, app, old)
		}
	}
	return nil, reply.ErrRetired
}

func openRetired(keys Keys, app application.Application, old application.Retired) ([]byte, error) {
	return keys.Open(application.SecretPurpose, application.RetiredRow(app.ID, old.Number), old.Secret)
}
