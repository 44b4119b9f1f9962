using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Testing;

/// <summary>How an <see cref="SmtpServer"/> is set up.</summary>
/// <param name="Tls">Offers STARTTLS with a certificate that nobody trusts who does not have <see cref="SmtpServer.CertificateFile"/>.</param>
/// <param name="User">Takes mail from this one only, and hears the password over TLS only.</param>
/// <param name="Greylists">Refuses each recipient once for now, and <c>gone@…</c> for good.</param>
public sealed record SmtpServerSettings(bool Tls = false, string? User = null, string? Password = null, bool Greylists = false);

/// <summary>Debian's aiosmtpd on a free port, keeping what it gets in a Maildir.</summary>
public sealed class SmtpServer : IAsyncDisposable
{
    private const string Script = """
        import ssl, sys, threading
        from aiosmtpd.controller import Controller
        from aiosmtpd.handlers import Mailbox
        from aiosmtpd.smtp import AuthResult

        folder, port, tls, user, password, greylists = sys.argv[1:]
        seen = set()

        class Handler(Mailbox):
            async def handle_RCPT(self, server, session, envelope, address, options):
                if greylists and address.startswith('gone@'):
                    return f'550 5.1.1 <{address}>: no such mailbox'
                if greylists and address not in seen:
                    seen.add(address)
                    return f'451 4.7.1 <{address}>: greylisted, come again'
                envelope.rcpt_tos.append(address)
                return '250 2.1.5 OK'

            async def auth_login(self, server, args):  # .NET writes the mechanism small; aiosmtpd compares case
                return await server.auth_LOGIN(server, args)

        def authenticate(server, session, envelope, mechanism, login):
            return AuthResult(success=(login.login.decode(), login.password.decode()) == (user, password))

        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f'{folder}/cert.pem', f'{folder}/key.pem')
        Controller(Handler(f'{folder}/mail'), hostname='127.0.0.1', port=int(port), tls_context=context,
            auth_required=bool(user), authenticator=authenticate if user else None).start()
        threading.Event().wait()
        """;

    private readonly Process process;
    private readonly string folder;

    private SmtpServer(Process process, string folder, int port) => (this.process, this.folder, Port) = (process, folder, port);

    public int Port { get; }

    /// <summary>What makes its certificate trusted, as the value of <c>SSL_CERT_FILE</c>.</summary>
    public string CertificateFile => $"{folder}/cert.pem";

    public static async Task<SmtpServer> StartAsync(SmtpServerSettings? settings = null)
    {
        Assert.True(File.Exists("/usr/bin/aiosmtpd"), "aiosmtpd is missing. Install it: scripts/install-test-tools.sh");
        var wanted = settings ?? new();
        var folder = Directory.CreateTempSubdirectory("smtp-").FullName;
        var port = FreePort();
        if (wanted.Tls)
        {
            await RunAsync(
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", $"{folder}/key.pem", "-out", $"{folder}/cert.pem");
        }

        string[] arguments =
        [
            "-c", Script, folder, port.ToString(provider: null), wanted.Tls ? "tls" : "", wanted.User ?? "", wanted.Password ?? "", wanted.Greylists ? "greylists" : "",
        ];
        var process = Process.Start(new ProcessStartInfo("/usr/bin/python3", arguments) { RedirectStandardError = true })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        await WaitAsync(port, process);
        return new SmtpServer(process, folder, port);
    }

    public string[] Received() => Directory.Exists($"{folder}/mail/new") ? Directory.GetFiles($"{folder}/mail/new") : [];

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task RunAsync(string file, params string[] arguments)
    {
        using var run = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardError = true })!;
        var error = await run.StandardError.ReadToEndAsync();
        await run.WaitForExitAsync();
        Assert.True(run.ExitCode == 0, error);
    }

    private static async Task WaitAsync(int port, Process process)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException) when (attempt < 400 && !process.HasExited)
            {
                await Task.Delay(50);
            }
        }
    }
}
