package sqlstore

import (
	"context"

	"countersign/internal/domain/application"
)

func scanHost(r *row) application.Host {
	return application.Host{ApplicationID: r.text(), Name: r.text(), FailMode: application.FailMode(r.text()), Seen: r.time()}
}

func (s *store) SeeHost(ctx context.Context, h application.Host) error {
	const q = `INSERT INTO application_hosts (application_id, host, fail_mode, seen_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (application_id, host) DO UPDATE SET fail_mode = excluded.fail_mode, seen_at = excluded.seen_at
		WHERE application_hosts.seen_at <= excluded.seen_at`
	return s.run.later(ctx, q, []any{h.ApplicationID, h.Name, string(h.FailMode), micros(h.Seen)})
}

func (s *store) Hosts(ctx context.Context, applicationID string) ([]application.Host, error) {
	const q = `SELECT application_id, host, fail_mode, seen_at FROM application_hosts WHERE application_id = $1 ORDER BY host`
	return list(ctx, s.run, scanHost, q, applicationID)
}

func (s *store) ForgetHosts(ctx context.Context, applicationID string, keep int) (int64, error) {
	const q = `DELETE FROM application_hosts WHERE application_id = $1 AND host IN (SELECT host FROM application_hosts
		WHERE application_id = $1 ORDER BY seen_at DESC, host DESC LIMIT 1000000 OFFSET $2)`
	return s.run.exec(ctx, q, []any{applicationID, int64(keep)})
}
