using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Platform.Storage;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>
/// The real host, killed at random while files are appended to by tus or the IETF's draft and a store, which wants equal parts, answers after up to 400 ms: what
/// <c>Upload-Offset</c> acknowledged is there, and the files are what was sent.
/// </summary>
public sealed class AppendKillTests
{
    private const int FileBytes = (27 << 20) + 12_345;
    private const int AtATime = 3;
    private const string Tus = "/v1/tus";
    private const string Resumable = "/v1/resumable";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_random_kills_lose_no_byte_that_was_acknowledged() => await KillAsync(Tus, onCeph: false, kills: 2);

    [Theory]
    [InlineData(Tus, false)]
    [InlineData(Tus, true)]
    [InlineData(Resumable, false)]
    [InlineData(Resumable, true)]
    [Trait("Category", "Long")]
    public async Task Thirty_random_kills_lose_no_byte_that_was_acknowledged(string protocol, bool onCeph) =>
        await KillAsync(protocol, onCeph, kills: 30);

    private static async Task KillAsync(string protocol, bool onCeph, int kills)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        await using var server = onCeph ? null : await R2StrictServer.StartAsync();
        await using var cluster = await HostCluster.StartAsync(server?.Options ?? await CephServer.TlsBucketAsync(), photos: 0);
        cluster.Proxy!.Latency = () => TimeSpan.FromMilliseconds(Random.Shared.Next(400));
        var host = await cluster.StartHostAsync();
        var open = new List<AppendedFile>();
        var whole = new List<AppendedFile>();
        for (var kill = 0; kill < kills; kill++)
        {
            while (open.Count < AtATime)
            {
                open.Add(await AppendedFile.BeginAsync(host.Client, protocol, random.Next()));
            }

            var sending = Task.WhenAll(open.Select(file => file.SendAsync(host.Client)));
            var enough = open.Sum(file => file.AcknowledgedBytes) + random.Next(FileBytes);
            while (open.Sum(file => file.AcknowledgedBytes) < enough && !sending.IsCompleted)
            {
                await Task.Delay(5, Cancellation);
            }

            await Task.Delay(random.Next(400), Cancellation);
            await host.KillAsync();
            await sending;
            host = await cluster.StartHostAsync();
            whole.AddRange(open.Where(file => file.IsWhole));
            open.RemoveAll(file => file.IsWhole);
        }

        var before = open.Sum(file => file.AcknowledgedBytes);
        await Task.WhenAll(open.Select(file => file.FinishAsync(host.Client)));
        whole.AddRange(open);
        foreach (var file in whole)
        {
            await file.AssertStoredAsync(host.Client, cluster.Storage);
        }

        TestContext.Current.SendDiagnosticMessage(
            $"{protocol}, seed {seed}: {kills} kills; {whole.Count} files, {whole.Sum(file => file.Appends)} appends, {whole.Sum(file => file.Broken)} of them cut by a kill; {before} bytes acknowledged of those open at the last kill.");
    }

    /// <summary>A client that appends pieces of any size, and remembers what was acknowledged.</summary>
    private sealed class AppendedFile(string protocol, string path, int seed)
    {
        private readonly byte[] bytes = RandomNumberGenerator.GetBytes(FileBytes);
        private readonly Random random = new(seed);

        internal long AcknowledgedBytes { get; private set; }

        internal bool IsWhole { get; private set; }

        internal int Appends { get; private set; }

        internal int Broken { get; private set; }

        internal static async Task<AppendedFile> BeginAsync(HttpClient client, string protocol, int seed)
        {
            using var request = Request(protocol, HttpMethod.Post, $"{protocol}?userRole=member&userId=u1&fileName=a.txt&contentType=text/plain");
            request.Headers.Add("Upload-Length", $"{FileBytes}");
            if (protocol == Resumable)
            {
                request.Headers.Add("Upload-Complete", "?0");
            }

            using var created = await client.SendAsync(request, Cancellation);
            Assert.Equal(HttpStatusCode.Created, created.StatusCode);
            return new(protocol, created.Headers.Location!.OriginalString, seed);
        }

        /// <summary>Appends until the file is whole, the host is gone, or a process that may be dead is completing it.</summary>
        internal async Task SendAsync(HttpClient client)
        {
            try
            {
                while (!IsWhole && await LearnAsync(client) && await AppendAsync(client))
                {
                }
            }
            catch (HttpRequestException)
            {
                Broken++;
            }
        }

        /// <summary>Goes on until the file is whole: a completion that a dead process began is waited for.</summary>
        internal async Task FinishAsync(HttpClient client)
        {
            for (; !IsWhole; await Task.Delay(IsWhole ? 0 : 500, Cancellation))
            {
                await SendAsync(client);
            }
        }

        internal async Task AssertStoredAsync(HttpClient client, IObjectStorage storage)
        {
            var upload = await client.GetFromJsonAsync<JsonElement>($"/v1/uploads/{path[(path.LastIndexOf('/') + 1)..]}", Cancellation);
            Assert.Equal("completed", upload.GetProperty("status").GetString());
            await using var stored = await storage.ReadAsync(upload.GetProperty("key").GetString()!, null, null, Cancellation);
            Assert.Equal(SHA256.HashData(bytes), await SHA256.HashDataAsync(stored, Cancellation));
        }

        private static HttpRequestMessage Request(string protocol, HttpMethod method, string path)
        {
            var request = new HttpRequestMessage(method, path);
            if (protocol == Tus)
            {
                request.Headers.Add("Tus-Resumable", "1.0.0");
            }

            return request;
        }

        /// <returns>Whether there is something to append now.</returns>
        private async Task<bool> LearnAsync(HttpClient client)
        {
            using var request = Request(protocol, HttpMethod.Head, path);
            using var answer = await client.SendAsync(request, Cancellation);
            return Acknowledge(answer) && !IsWhole;
        }

        /// <returns>Whether it was taken.</returns>
        private async Task<bool> AppendAsync(HttpClient client)
        {
            // Nothing is left to send where the draft's last append was stored, but its completion cut off.
            var size = (int)Math.Min(random.Next(1, 12 << 20), FileBytes - AcknowledgedBytes);
            using var request = Request(protocol, HttpMethod.Patch, path);
            request.Headers.Add("Upload-Offset", $"{AcknowledgedBytes}");
            request.Content = new ByteArrayContent(bytes, (int)AcknowledgedBytes, size);
            request.Content.Headers.Add("Content-Type", protocol == Tus ? "application/offset+octet-stream" : "application/partial-upload");
            if (protocol == Resumable)
            {
                request.Headers.Add("Upload-Complete", AcknowledgedBytes + size == FileBytes ? "?1" : "?0");
            }

            Appends++;
            using var answer = await client.SendAsync(request, Cancellation);
            return Acknowledge(answer);
        }

        /// <returns>Whether the host could say; not while another process, which may be dead, completes the file.</returns>
        private bool Acknowledge(HttpResponseMessage answer)
        {
            if (answer.StatusCode is HttpStatusCode.Conflict)
            {
                return false;
            }

            Assert.True(answer.IsSuccessStatusCode, $"{answer.RequestMessage!.Method}: {(int)answer.StatusCode}");
            var offset = long.Parse(answer.Headers.GetValues("Upload-Offset").Single(), CultureInfo.InvariantCulture);
            Assert.True(offset >= AcknowledgedBytes, $"{offset} after {AcknowledgedBytes} were acknowledged.");
            AcknowledgedBytes = offset;
            IsWhole = protocol == Tus ? offset == FileBytes : answer.Headers.GetValues("Upload-Complete").Single() == "?1";
            return true;
        }
    }
}
