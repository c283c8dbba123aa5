# Asks Debian's libnet-duo-perl, unmodified, what each line of the input says, and prints what it gave or died of.
# Arguments: host with port, integration key, secret key, certificate authority. A line: {"call", "with"}.
use strict;
use warnings;
use JSON;
use LWP::UserAgent;
use Net::Duo::Auth;

# The client takes certificates of the vendor's own domain only; its option user_agent is the way to others.
package Agent {
    our @ISA = ('LWP::UserAgent');
    sub request {
        my ($self, $request, @rest) = @_;
        $request->remove_header('If-SSL-Cert-Subject');
        return $self->SUPER::request($request, @rest);
    }
}

my ($host, $key, $secret, $authority) = @ARGV;
my $agent = Agent->new(ssl_opts => { verify_hostname => 1, SSL_ca_file => $authority });
my $duo = Net::Duo::Auth->new(
    { api_hostname => $host, integration_key => $key, secret_key => $secret, user_agent => $agent });
my %calls = (
    check  => sub { $duo->check },
    ask    => sub { $duo->call_json($_[0]{method}, $_[0]{path}, $_[0]{args}) },
    logo   => sub { $duo->call('GET', '/auth/v2/logo')->content_type },
    auth   => sub { my ($good, $more) = $duo->auth($_[0]); return { good => $good ? JSON::true : JSON::false, %{$more} } },
    start  => sub { $duo->auth_async($_[0])->id },
    status => sub { my ($result, $more) = Net::Duo::Auth::Async->new($duo, $_[0]{id})->status; return { result => $result, %{$more} } },
    sms    => sub { $duo->send_sms_passcodes($_[0]{username}); return 'sent' },
);
my $json = JSON->new->utf8->allow_nonref;
$| = 1;
while (my $line = <STDIN>) {
    my $asked = $json->decode($line);
    my $value = eval { $calls{ $asked->{call} }->($asked->{with}) };
    print $json->encode($@ ? { refusal => "$@" } : { value => $value }), "\n";
}
