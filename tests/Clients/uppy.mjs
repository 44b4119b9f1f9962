// For a page: sends the file of its input by @uppy/tus or @uppy/aws-s3, and goes on where the page before a reload stopped.
import Uppy from '@uppy/core'
import AwsS3 from '@uppy/aws-s3'
import Tus from '@uppy/tus'

globalThis.send = async (plugin, endpoint) => {
  const file = document.querySelector('input').files[0]
  const uppy = new Uppy()
  if (plugin === 'tus') uppy.use(Tus, { endpoint, retryDelays: [50, 100, 200, 400] })
  else uppy.use(AwsS3, { companionEndpoint: endpoint, shouldUseMultipart: true })
  const id = uppy.addFile({ name: file.name, type: file.type, data: file })
  uppy.setFileMeta(id, { sizeBytes: file.size, userRole: 'member', userId: 'uppy', weddingId: 'uppy' })

  // What Golden Retriever does for aws-s3; tus-js-client keeps its URLs itself.
  const kept = sessionStorage.getItem('s3Multipart')
  if (kept) uppy.setFileState(id, { s3Multipart: JSON.parse(kept) })
  let progress = 0
  uppy.on('upload-progress', (_, { bytesUploaded }) => { progress ||= bytesUploaded })
  uppy.on('state-update', () => {
    const state = uppy.getFile(id)?.s3Multipart
    if (state) sessionStorage.setItem('s3Multipart', JSON.stringify(state))
  })
  const { successful, failed } = await uppy.upload()
  const { uploadId } = JSON.parse(sessionStorage.getItem('s3Multipart') ?? '{}')
  return { url: successful[0]?.uploadURL, uploadId, failed: failed.map(({ error }) => error), firstProgress: progress }
}
