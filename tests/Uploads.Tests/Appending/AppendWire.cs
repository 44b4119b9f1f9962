using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Uploads.Tests;

/// <summary>What came back: HttpClient hides what it does not know (reason phrases, headers of empty bodies).</summary>
internal sealed record Answer(int Status, string Reason, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public string this[string header] => Headers.GetValueOrDefault(header, "");

    public Answer Is(int status)
    {
        Assert.True(status == Status, $"{Status} instead of {status}: {Body}");
        return this;
    }

    public Answer Refuses(int status, string code)
    {
        Is(status);
        Assert.Equal("application/problem+json", this["Content-Type"]);
        Assert.Contains($"\"code\":\"{code}\"", Body, StringComparison.Ordinal);
        return this;
    }
}

/// <summary>One request, byte by byte: a body that breaks off, waits, or has trailers, none of which HttpClient can do.</summary>
internal sealed class AppendWire : IDisposable
{
    private readonly TcpClient socket = new();
    private readonly TakenBytes taken;
    private long sentBytes;

    private AppendWire(TakenBytes taken) => this.taken = taken;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Sends the head of a request. <c>Content-Length</c> or <c>Transfer-Encoding</c> is among the headers.</summary>
    public static async Task<AppendWire> SendHeadAsync(UploadHost host, string method, string path, params IEnumerable<string> headers)
    {
        var wire = new AppendWire(host.Taken);
        var address = host.Client.BaseAddress!;
        await wire.socket.ConnectAsync(address.Host, address.Port, Cancellation);
        wire.socket.NoDelay = true;
        var lines = headers.Where(line => line.Length > 0).Prepend($"Host: {address.Authority}").Prepend($"{method} {path} HTTP/1.1");
        await wire.SendAsync(Encoding.Latin1.GetBytes(string.Join("\r\n", lines) + "\r\n\r\n"));
        wire.sentBytes = 0;
        return wire;
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        await socket.GetStream().WriteAsync(bytes, Cancellation);
        sentBytes += bytes.Length;
    }

    public async Task SendChunkAsync(ReadOnlyMemory<byte> bytes)
    {
        await SendAsync(Encoding.ASCII.GetBytes($"{bytes.Length:x}\r\n"));
        await SendAsync(bytes);
        await SendAsync("\r\n"u8.ToArray());
    }

    /// <summary>Ends a chunked body, with trailers or without.</summary>
    public Task SendEndAsync(params IEnumerable<string> trailers) =>
        SendAsync(Encoding.ASCII.GetBytes("0\r\n" + string.Concat(trailers.Select(trailer => trailer + "\r\n")) + "\r\n"));

    /// <summary>Returns once the server has taken all that was sent of a body, which is not chunked: so the request is at work.</summary>
    public async Task TakenAsync()
    {
        var port = ((IPEndPoint)socket.Client.LocalEndPoint!).Port;
        await Eventually.HoldsAsync(() => Task.FromResult(taken.Of(port) == sentBytes));
    }

    /// <summary>Waits until the server has taken all that was sent of a body, and breaks the connection.</summary>
    public async Task CutAsync()
    {
        await TakenAsync();
        Dispose();
    }

    public async Task<Answer> ReadAsync()
    {
        var stream = socket.GetStream();
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(one, Cancellation);
            head.Append((char)one[0]);
        }

        var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        if (lines[0].StartsWith("HTTP/1.1 100", StringComparison.Ordinal))
            return await ReadAsync();
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(line => line[0], line => line[1], StringComparer.OrdinalIgnoreCase);
        var body = new byte[int.Parse(headers.GetValueOrDefault("Content-Length", "0"), CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body, Cancellation);
        var status = lines[0].Split(' ', 3);
        return new Answer(int.Parse(status[1], CultureInfo.InvariantCulture), status[2], headers, Encoding.UTF8.GetString(body));
    }

    /// <summary>Whether the server has ended the connection without an answer.</summary>
    public async Task<bool> IsCutOffAsync()
    {
        try
        {
            return await socket.GetStream().ReadAsync(new byte[1], Cancellation) == 0;
        }
        catch (IOException)
        {
            return true;
        }
    }

    public void Dispose() => socket.Dispose();
}
