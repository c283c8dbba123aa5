package application

import (
	"slices"
	"strconv"
	"time"

	"countersign/internal/base/errs"
)

// SecretPurpose is the sealing purpose of Application.Secret and of Retired.Secret.
const SecretPurpose = "application-secret"

// ErrSecretChanged reports that somebody else gave an application another secret meanwhile.
var ErrSecretChanged = errs.New(errs.Conflict, "application.secret_changed")

// Retired is a secret in whose place another one was put. It stays known, also when the application is deleted: who still
// signs with it is told apart from a stranger.
type Retired struct {
	Number int       `json:"number"` // of all that its application had; the first is 0
	Secret []byte    `json:"secret"` // sealed, purpose SecretPurpose, row RetiredRow
	Until  time.Time `json:"until"`  // it works beside the present one until then
}

// MaxRetired is how many retired secrets are known, which bounds the work that a stranger can cause. An application that had
// more knows nobody for a stranger any more: see KnowsAll.
const MaxRetired = 20

// RetiredRow is the row identity of a retired secret: not that of the present one, so that none can be put back in its place.
func RetiredRow(applicationID string, number int) string {
	return applicationID + "/" + strconv.Itoa(number)
}

// Works reports whether a retired secret still works.
func (r Retired) Works(now time.Time) bool { return now.Before(r.Until) }

// SecretNumber is the number of the present secret.
func (a Application) SecretNumber() int {
	if len(a.Retired) == 0 {
		return 0
	}
	return a.Retired[len(a.Retired)-1].Number + 1
}

// KnowsAll reports whether every secret that the application had can still be told from a stranger's. One that was deleted when
// that still dropped them knows none.
func (a Application) KnowsAll() bool {
	return len(a.Retired) < MaxRetired && (a.Deleted.IsZero() || len(a.Retired) > 0)
}

// Replace gives the application a new secret. old is the present one, sealed for its RetiredRow, and works until a time.
// What was retired before ends no later.
func (a *Application) Replace(sealed, old []byte, until time.Time) {
	all := slices.Clone(a.Retired)
	for i := range all {
		if all[i].Until.After(until) {
			all[i].Until = until
		}
	}
	all = append(all, Retired{Number: a.SecretNumber(), Secret: old, Until: until})
	a.Secret, a.Retired = sealed, all[max(0, len(all)-MaxRetired):]
}

// Overlap is the time until which some retired secret works; zero when none does.
func (a Application) Overlap(now time.Time) (until time.Time) {
	for _, r := range a.Retired {
		if r.Works(now) && r.Until.After(until) {
			until = r.Until
		}
	}
	return until
}
