using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Testing;

/// <summary>How an <see cref="SmtpServer"/> is set up.</summary>
/// <param name="Tls">Offers STARTTLS with a certificate that nobody trusts who does not have <see cref="SmtpServer.CertificateFile"/>.</param>
/// <param name="User">Takes mail from this one only, and hears the password over TLS only.</param>
/// <param name="Greylists">Refuses each recipient once for now, and <c>gone@…</c> for good.</param>
public sealed record SmtpServerSettings(bool Tls = false, string? User = null, string? Password = null, bool Greylists = false);

/// <summary>Debian's aiosmtpd on a port of its own, keeping what it gets in a Maildir.</summary>
public sealed class SmtpServer : IAsyncDisposable
{
    private const string Script = """
        import asyncio, ssl, sys
        from aiosmtpd.handlers import Mailbox
        from aiosmtpd.smtp import SMTP, AuthResult

        folder, tls, user, password, greylists = sys.argv[1:]
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
        handler = Handler(f'{folder}/mail')

        # Not by its Controller, which gives up after five seconds and wants to be told a port.
        async def serve():
            server = await asyncio.get_running_loop().create_server(
                lambda: SMTP(handler, hostname='localhost', enable_SMTPUTF8=True, tls_context=context,
                    auth_required=bool(user), authenticator=authenticate if user else None),
                '127.0.0.1', 0)
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()

        asyncio.run(serve())
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
        if (wanted.Tls)
        {
            await RunAsync(
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", $"{folder}/key.pem", "-out", $"{folder}/cert.pem");
        }

        string[] arguments =
        [
            "-c", Script, folder, wanted.Tls ? "tls" : "", wanted.User ?? "", wanted.Password ?? "", wanted.Greylists ? "greylists" : "",
        ];
        var process = Process.Start(
            new ProcessStartInfo("/usr/bin/python3", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        if (await process.StandardOutput.ReadLineAsync() is not { } port)
        {
            throw new InvalidOperationException($"aiosmtpd did not start: {await process.StandardError.ReadToEndAsync()}");
        }

        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        return new SmtpServer(process, folder, int.Parse(port, CultureInfo.InvariantCulture));
    }

    public string[] Received() => Directory.Exists($"{folder}/mail/new") ? Directory.GetFiles($"{folder}/mail/new") : [];

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private static async Task RunAsync(string file, params string[] arguments)
    {
        using var run = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardError = true })!;
        var error = await run.StandardError.ReadToEndAsync();
        await run.WaitForExitAsync();
        Assert.True(run.ExitCode == 0, error);
    }
}
