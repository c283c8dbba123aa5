package signin_test

import (
	"testing"

	"countersign/internal/base/secret"
	"countersign/internal/flow"
	"countersign/internal/testkit/dbtest"
)

func secretText(s string) secret.Text { return secret.NewText(s) }

func sqlite(t *testing.T) flow.DB { return dbtest.SQLite(t) }
