package sqlstore

import (
	"context"
	"math"
	"time"

	"countersign/internal/domain/remembered"
)

const browserColumns = `browser_id, user_id, application_id, digest, name, created_at, used_at, expires_at`

func scanBrowser(r *row) remembered.Browser {
	return remembered.Browser{ID: r.text(), UserID: r.text(), ApplicationID: r.text(), Digest: r.bytes(),
		Name: r.text(), Created: r.time(), Used: r.time(), Expires: r.time()}
}

func (s *store) CreateBrowser(ctx context.Context, b remembered.Browser) error {
	const q = `INSERT INTO remembered_browsers (` + browserColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (digest) DO NOTHING`
	return s.run.later(ctx, q, []any{b.ID, b.UserID, b.ApplicationID, b.Digest, b.Name, micros(b.Created), micros(b.Used), micros(b.Expires)})
}

func (s *store) BrowserByDigest(ctx context.Context, digest []byte) (remembered.Browser, bool, error) {
	const q = `SELECT ` + browserColumns + ` FROM remembered_browsers WHERE digest = $1`
	b, err := one(ctx, s.run, errNone, scanBrowser, q, blob(digest))
	if err == errNone {
		return b, false, nil
	}
	return b, err == nil, err
}

func (s *store) BrowsersOf(ctx context.Context, userID string) ([]remembered.Browser, error) {
	const q = `SELECT ` + browserColumns + ` FROM remembered_browsers WHERE user_id = $1 ORDER BY created_at DESC, browser_id`
	return list(ctx, s.run, scanBrowser, q, userID)
}

func (s *store) UseBrowser(ctx context.Context, id string, now time.Time) (bool, error) {
	const q = `UPDATE remembered_browsers SET used_at = CASE WHEN used_at > $2 THEN used_at ELSE $2 END WHERE browser_id = $1 AND expires_at > $2`
	return touched(ctx, s.run, q, id, micros(now))
}

func (s *store) ForgetBrowser(ctx context.Context, id string) error {
	const q = `DELETE FROM remembered_browsers WHERE browser_id = $1`
	return s.run.later(ctx, q, []any{id})
}

func (s *store) ForgetBrowsersOf(ctx context.Context, userID string) (int64, error) {
	const q = `DELETE FROM remembered_browsers WHERE user_id = $1`
	return s.run.exec(ctx, q, []any{userID})
}

func (s *store) ForgetBrowsersFor(ctx context.Context, applicationID string, before time.Time) (int64, error) {
	const q = `DELETE FROM remembered_browsers WHERE application_id = $1 AND created_at < $2`
	limit := micros(before)
	if before.IsZero() {
		limit = math.MaxInt64
	}
	return s.run.exec(ctx, q, []any{applicationID, limit})
}

func (s *store) SweepBrowsers(ctx context.Context, now time.Time) (int64, error) {
	const q = `DELETE FROM remembered_browsers WHERE expires_at <= $1`
	return s.run.exec(ctx, q, []any{micros(now)})
}
