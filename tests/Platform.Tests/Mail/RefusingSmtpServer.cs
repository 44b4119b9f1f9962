using System.Net;
using System.Net.Sockets;

namespace Platform.Tests.Mail;

/// <summary>Knows no mailbox, and says so as mail servers do: with the address.</summary>
internal sealed class RefusingSmtpServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);

    internal RefusingSmtpServer()
    {
        listener.Start();
        _ = AnswerAsync();
    }

    internal int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public void Dispose() => listener.Dispose();

    private async Task AnswerAsync()
    {
        using var client = await listener.AcceptTcpClientAsync();
        using var reader = new StreamReader(client.GetStream());
        await using var writer = new StreamWriter(client.GetStream()) { AutoFlush = true, NewLine = "\r\n" };
        await writer.WriteLineAsync("220 mail.example");
        while (await reader.ReadLineAsync() is { } line)
        {
            await writer.WriteLineAsync(line.Split(':') is ["RCPT TO", var address] ? $"550 5.1.1 {address}: no such mailbox" : "250 fine");
        }
    }
}
