package sqlstore

import (
	"context"
	"math"
	"time"

	"countersign/internal/domain/remembered"
)

var browsers = newTable("remembered_browsers", func(b *remembered.Browser) []column {
	return []column{{"browser_id", &b.ID}, {"user_id", &b.UserID}, {"application_id", &b.ApplicationID}, {"digest", &b.Digest},
		{"proof", proofText{&b.Proof}}, {"name", &b.Name}, {"created_at", &b.Created}, {"used_at", &b.Used}, {"expires_at", &b.Expires}}
})

var createBrowser = browsers.insert() + ` ON CONFLICT (digest) DO NOTHING`

func (s *store) CreateBrowser(ctx context.Context, b remembered.Browser) error {
	return insert(ctx, s.run, browsers, createBrowser, b)
}

var browserByDigest = browsers.from(`WHERE digest = $1`)

func (s *store) BrowserByDigest(ctx context.Context, digest []byte) (remembered.Browser, bool, error) {
	return found(one(ctx, s.run, errNone, browsers, browserByDigest, blob(digest)))
}

var browsersOf = browsers.from(`WHERE user_id = $1 ORDER BY created_at DESC, browser_id`)

func (s *store) BrowsersOf(ctx context.Context, userID string) ([]remembered.Browser, error) {
	return list(ctx, s.run, browsers, browsersOf, userID)
}

func (s *store) UseBrowser(ctx context.Context, id string, now time.Time) error {
	const q = `UPDATE remembered_browsers SET used_at = CASE WHEN used_at > $2 THEN used_at ELSE $2 END WHERE browser_id = $1 AND expires_at > $2`
	return s.must(ctx, remembered.ErrForgotten, q, id, micros(now))
}

func (s *store) ForgetBrowser(ctx context.Context, id string) error {
	const q = `DELETE FROM remembered_browsers WHERE browser_id = $1`
	return s.queue(ctx, q, id)
}

func (s *store) ForgetBrowsersOf(ctx context.Context, userID string) (int64, error) {
	const q = `DELETE FROM remembered_browsers WHERE user_id = $1`
	return s.count(ctx, q, userID)
}

func (s *store) ForgetBrowsersFor(ctx context.Context, applicationID string, before time.Time) (int64, error) {
	const q = `DELETE FROM remembered_browsers WHERE application_id = $1 AND created_at < $2`
	limit := micros(before)
	if before.IsZero() {
		limit = math.MaxInt64
	}
	return s.count(ctx, q, applicationID, limit)
}

func (s *store) SweepBrowsers(ctx context.Context, now time.Time) (int64, error) {
	const q = `DELETE FROM remembered_browsers WHERE expires_at <= $1`
	return s.count(ctx, q, micros(now))
}
