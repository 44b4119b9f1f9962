using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Platform.Tests.Mail;

/// <summary>Debian's aiosmtpd on a free port, keeping what it gets in a Maildir.</summary>
internal sealed class SmtpServer : IAsyncDisposable
{
    private readonly Process process;
    private readonly string folder;

    private SmtpServer(Process process, string folder, int port) => (this.process, this.folder, Port) = (process, folder, port);

    internal int Port { get; }

    /// <param name="tls">Offers STARTTLS with a certificate that nobody trusts.</param>
    internal static async Task<SmtpServer> StartAsync(bool tls = false)
    {
        Assert.True(File.Exists("/usr/bin/aiosmtpd"), "aiosmtpd is missing. Install it: scripts/install-test-tools.sh");
        var folder = Directory.CreateTempSubdirectory("smtp-").FullName;
        var port = FreePort();
        List<string> arguments = ["-n", "-l", $"127.0.0.1:{port}", "-c", "aiosmtpd.handlers.Mailbox"];
        if (tls)
        {
            await RunAsync(
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
                "-keyout", $"{folder}/key.pem", "-out", $"{folder}/cert.pem");
            arguments.InsertRange(0, ["--tlscert", $"{folder}/cert.pem", "--tlskey", $"{folder}/key.pem", "--no-requiretls"]);
        }

        arguments.Add($"{folder}/mail");
        var process = Process.Start(new ProcessStartInfo("/usr/bin/aiosmtpd", arguments) { RedirectStandardError = true })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        await WaitAsync(port, process);
        return new SmtpServer(process, folder, port);
    }

    internal string[] Received() => Directory.Exists($"{folder}/mail/new") ? Directory.GetFiles($"{folder}/mail/new") : [];

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync(CancellationToken.None);
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task RunAsync(string file, params string[] arguments)
    {
        using var run = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardError = true })!;
        var error = await run.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await run.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(run.ExitCode == 0, error);
    }

    private static async Task WaitAsync(int port, Process process)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
                return;
            }
            catch (SocketException) when (attempt < 200 && !process.HasExited)
            {
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }
        }
    }
}
