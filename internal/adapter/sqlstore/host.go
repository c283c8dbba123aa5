package sqlstore

import (
	"context"

	"countersign/internal/domain/application"
)

var hosts = newTable("application_hosts", func(h *application.Host) []column {
	return []column{{"application_id", &h.ApplicationID}, {"host", &h.Name}, {"fail_mode", (*string)(&h.FailMode)}, {"seen_at", &h.Seen}}
})

var seeHost = hosts.insert() + ` ON CONFLICT (application_id, host) DO UPDATE SET fail_mode = excluded.fail_mode, seen_at = excluded.seen_at
	WHERE application_hosts.seen_at <= excluded.seen_at`

func (s *store) SeeHost(ctx context.Context, h application.Host) error {
	return insert(ctx, s.run, hosts, seeHost, h)
}

var hostsOf = hosts.from(`WHERE application_id = $1 ORDER BY host`)

func (s *store) Hosts(ctx context.Context, applicationID string) ([]application.Host, error) {
	return list(ctx, s.run, hosts, hostsOf, applicationID)
}

func (s *store) ForgetHosts(ctx context.Context, applicationID string, keep int) (int64, error) {
	const q = `DELETE FROM application_hosts WHERE application_id = $1 AND host IN (SELECT host FROM application_hosts
		WHERE application_id = $1 ORDER BY seen_at DESC, host DESC LIMIT 1000000 OFFSET $2)`
	return s.count(ctx, q, applicationID, int64(keep))
}
