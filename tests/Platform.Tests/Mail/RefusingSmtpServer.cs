using System.Net;
using System.Net.Sockets;

namespace Platform.Tests.Mail;

/// <summary>Takes no mail for any mailbox, and says so as mail servers do: with the address.</summary>
internal sealed class RefusingSmtpServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);

    /// <param name="reply">To a recipient, without the address.</param>
    internal RefusingSmtpServer(string reply = "550 5.1.1")
    {
        listener.Start();
        _ = AnswerAsync(reply);
    }

    internal int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public void Dispose() => listener.Dispose();

    private async Task AnswerAsync(string reply)
    {
        using var client = await listener.AcceptTcpClientAsync();
        using var reader = new StreamReader(client.GetStream());
        await using var writer = new StreamWriter(client.GetStream()) { AutoFlush = true, NewLine = "\r\n" };
        await writer.WriteLineAsync("220 mail.example");
        while (await reader.ReadLineAsync() is { } line)
        {
            await writer.WriteLineAsync(line.Split(':') is ["RCPT TO", var address] ? $"{reply} {address}: no such mailbox" : "250 fine");
        }
    }
}
