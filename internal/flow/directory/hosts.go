package directory

import (
	"context"

	"countersign/internal/domain/application"
)

// NoteHosts keeps what machines said about themselves, in one change, and the latest application.MaxHosts of an
// application. It is no act of an administrator, so the action log has no row of it.
func (f *Flow) NoteHosts(ctx context.Context, applicationID string, hosts []application.Host) error {
	return f.db.Write(ctx, func(st Store) error {
		for _, h := range hosts {
			if err := st.SeeHost(ctx, h); err != nil {
				return err
			}
		}
		_, err := st.ForgetHosts(ctx, applicationID, application.MaxHosts)
		return err
	})
}
