using System.Data;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Mime;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;
using Npgsql;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;

namespace Platform.Webhooks;

/// <summary>
/// Tells servers of others what happened, at addresses that API clients named: signed as Standard Webhooks 1.0.0 has it, at least once,
/// and by way of <see cref="OutboundHttp"/>, so that nothing private is reached.
/// </summary>
/// <remarks>
/// How a module uses it: its commands ask <see cref="Demand"/> before they record an address. A subscription queues a job of the module for
/// each event that is told, registered with <see cref="JobLane.Outbound"/> and <see cref="Retry"/>; it composes the message from the event
/// and calls <see cref="DeliverAsync"/>, which throws until the message is delivered or hopeless, and <see cref="GiveUpAsync"/> when the
/// job gives up. <see cref="ListAsync"/> and <see cref="RequestRedeliveryAsync"/> are for its endpoints. Each attempt is on record in the
/// stream <c>webhook-{subject}</c>.
/// </remarks>
public sealed class WebhookSender
{
    private const int LongestUrl = 2048;
    private const int LongestError = 300;

    // The lock of a subject is held as long as a receiver may take to answer; whoever waits longer than several is tried again as a job.
    private const int LockSeconds = 120;

    private static readonly MediaTypeHeaderValue Json = new(MediaTypeNames.Application.Json);

    private readonly WebhookOptions options;
    private readonly OutboundHttp http;
    private readonly EventStore store;
    private readonly NpgsqlDataSource database;
    private readonly JsonSerializerOptions json;
    private readonly TimeProvider clock;

    internal WebhookSender(
        WebhookOptions options, OutboundHttp http, EventStore store, NpgsqlDataSource database, IOptions<JsonOptions> json, TimeProvider clock)
    {
        this.options = options;
        this.http = http;
        this.store = store;
        this.database = database;
        this.json = json.Value.SerializerOptions;
        this.clock = clock;
    }

    /// <summary>Sixteen attempts in about a day: outlasts what receivers need to be repaired.</summary>
    public static JobRetry Retry { get; } = new(16, TimeSpan.FromSeconds(5), TimeSpan.FromHours(6));

    /// <summary>Refuses an address that would never be told anything.</summary>
    /// <exception cref="CommandRefusedException"><c>WEBHOOKS_DISABLED</c>, <c>INVALID_WEBHOOK_URL</c></exception>
    public void Demand(string url)
    {
        if (options.Secrets.Count == 0)
        {
            throw new CommandRefusedException("WEBHOOKS_DISABLED", "This server has no Webhooks__Secret to sign with, so it sends no webhooks.");
        }

        if (url is not { Length: <= LongestUrl } || !Uri.TryCreate(url, UriKind.Absolute, out var address) || !http.Accepts(address))
        {
            throw new CommandRefusedException(
                "INVALID_WEBHOOK_URL", $"A webhook URL must be a public https address of at most {LongestUrl} characters, without a user.");
        }
    }

    /// <summary>
    /// Makes one attempt. Messages of one subject are sent one at a time, in the order of their turns; one that is delivered already is not sent
    /// again, unless somebody asked for it.
    /// </summary>
    /// <param name="subject">What it is about, such as <c>album-0198…</c>.</param>
    /// <param name="compose">Asked when its turn has come; <see langword="null"/> where there is nothing to tell (any more).</param>
    /// <exception cref="WebhookException">The receiver did not take it, and may later.</exception>
    public async Task DeliverAsync(
        string subject, Func<CancellationToken, Task<WebhookMessage?>> compose, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(compose);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await ExecuteAsync(connection, "select pg_advisory_lock(hashtextextended('webhook ' || $1, 0))", subject, cancellationToken);
        try
        {
            if (await compose(cancellationToken) is not { } message || await IsDeliveredAsync(subject, message, cancellationToken))
            {
                return;
            }

            var attempt = await AttemptAsync(message, cancellationToken);
            await AppendAsync(subject, attempt, CancellationToken.None); // it is out: a host that stops records that, too
            if (!attempt.IsDelivered() && !attempt.IsFinal)
            {
                throw new WebhookException($"{message.Type} was not taken by {message.Url.IdnHost}: {attempt.Error ?? $"it answered {attempt.Status}"}");
            }
        }
        finally
        {
            if (connection.State is ConnectionState.Open) // one that broke has given the lock back
            {
                await ExecuteAsync(connection, "select pg_advisory_unlock(hashtextextended('webhook ' || $1, 0))", subject, CancellationToken.None);
            }
        }
    }

    /// <summary>Records that a message is not tried any more.</summary>
    public Task GiveUpAsync(string subject, string messageId, CancellationToken cancellationToken) =>
        AppendAsync(subject, new WebhookGivenUp(messageId, clock.GetUtcNow()), cancellationToken);

    /// <summary>The messages about a subject, the newest first; of very many the last 200.</summary>
    public async Task<IReadOnlyList<WebhookDelivery>> ListAsync(string subject, CancellationToken cancellationToken) =>
        [.. (await store.FoldAsync<WebhookLog, IWebhookEvent>(subject, cancellationToken)).State.Messages.Reverse()];

    /// <summary>Lets a message be sent again, also where it was delivered. The caller queues its job, under a name that ends with the number returned.</summary>
    public async Task<long> RequestRedeliveryAsync(string subject, string messageId, string by, CancellationToken cancellationToken)
    {
        var wanted = new WebhookRedeliveryRequested(messageId, by, clock.GetUtcNow());
        return (await store.DecideAsync<WebhookLog, IWebhookEvent>(subject, _ => [wanted], cancellationToken)).Version;
    }

    private async Task<bool> IsDeliveredAsync(string subject, WebhookMessage message, CancellationToken cancellationToken)
    {
        var log = await store.FoldAsync<WebhookLog, IWebhookEvent>(subject, cancellationToken);
        return log.State.Find(message.Id) is { Status: WebhookStatus.Delivered };
    }

    private async Task<WebhookAttempted> AttemptAsync(WebhookMessage message, CancellationToken cancellationToken)
    {
        var at = clock.GetUtcNow();
        var body = JsonSerializer.SerializeToUtf8Bytes(new WebhookBody(message.Type, Version: 1, message.At, message.Data), json);
        using var request = new HttpRequestMessage(HttpMethod.Post, message.Url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = Json;
        request.Headers.Add("User-Agent", "Weddings-Webhooks/1");
        request.Headers.Add("webhook-id", message.Id);
        request.Headers.Add("webhook-timestamp", WebhookSignature.TimestampOf(at));
        request.Headers.Add("webhook-signature", WebhookSignature.Of(options.Secrets, message.Id, at, body));
        try
        {
            // Redirects of a POST are not followed, and what stands in the answer's body is nobody's business: it is not read.
            using var response = await http.SendAsync(request, onlyTo: null, cancellationToken);
            return Attempted((int)response.StatusCode, error: null, isFinal: response.StatusCode is HttpStatusCode.Gone);
        }
        catch (OutboundRefusedException e)
        {
            return Attempted(status: null, e.Message, isFinal: true);
        }
        catch (HttpRequestException e)
        {
            return Attempted(status: null, e.Message, isFinal: false);
        }

        WebhookAttempted Attempted(int? status, string? error, bool isFinal) => new(
            message.Id, message.Type, status, error?[..Math.Min(error.Length, LongestError)], isFinal, (clock.GetUtcNow() - at).TotalSeconds, at);
    }

    private Task AppendAsync(string subject, IWebhookEvent e, CancellationToken cancellationToken) =>
        store.DecideAsync<WebhookLog, IWebhookEvent>(subject, _ => [e], cancellationToken);

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, string subject, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = LockSeconds };
        command.Parameters.Add(new() { Value = subject });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
