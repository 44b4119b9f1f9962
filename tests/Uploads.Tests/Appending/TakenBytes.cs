using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Uploads.Tests;

/// <summary>How many bytes of a request's body the server has taken, by the port its client has. What lies in Kestrel's buffers when a connection ends is lost.</summary>
internal sealed class TakenBytes
{
    private readonly ConcurrentDictionary<int, long> byPort = new();

    public long Of(int port) => byPort.GetValueOrDefault(port);

    public Task CountAsync(HttpContext http, RequestDelegate next)
    {
        var port = http.Connection.RemotePort;
        byPort[port] = 0;
        http.Features.Set<IRequestBodyPipeFeature>(new Counted(http.Request.BodyReader, bytes => byPort[port] += bytes));
        return next(http);
    }

    private sealed class Counted(PipeReader body, Action<long> taken) : PipeReader, IRequestBodyPipeFeature
    {
        private ReadResult last;

        public PipeReader Reader => this;

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => last = await body.ReadAsync(cancellationToken);

        public override bool TryRead(out ReadResult result)
        {
            var isRead = body.TryRead(out result);
            last = result;
            return isRead;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            var bytes = last.Buffer.Slice(0, consumed).Length;
            body.AdvanceTo(consumed, examined);
            taken(bytes);
        }

        public override void CancelPendingRead() => body.CancelPendingRead();

        public override void Complete(Exception? exception = null) => body.Complete(exception);
    }
}
