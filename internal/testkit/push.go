package testkit

import (
	"testing"

	"countersign/internal/adapter/webpush/pushtest"
	"countersign/internal/server/config"
)

// PushService starts a push service on loopback and gives the option with which a program may
// call it.
func PushService(t testing.TB) (*pushtest.Service, Option) {
	s := pushtest.Start(t)
	return s, Configure(func(c *config.Config) { c.Push.AllowHosts = append(c.Push.AllowHosts, s.Host) })
}
